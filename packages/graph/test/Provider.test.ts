/** Where kernels run: what was asked for, or an error that says what to do; never something else. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import {
  Gradient,
  Interpreter,
  Model,
  OnnxFile,
  Op,
  Provider,
  ProviderCheck,
  Session
} from "../src/index.ts"
import { backends } from "../src/SessionEngine.ts"
import { SessionError } from "../src/SessionError.ts"
import type { Host } from "../src/SessionHost.ts"
import { found, platform, tried } from "../src/SessionProvider.ts"

const { SessionPool } = Session

/** A runtime in which each provider runs on the given executors; the others do not load. */
const runtime = (placements: { readonly [provider: string]: Provider.Placement }): Host => ({
  portable: (feed) => feed,
  call: (request) => {
    const [provider = ""] = request.kind === "probe" ? request.providers : []
    const placement = placements[provider]
    return placement === undefined
      ? Effect.fail(new SessionError({ reason: "NoProvider", message: `Error: no ${provider}` }))
      : Effect.succeed({
          outputs: Object.fromEntries(
            Object.entries(placement).map(([name, count]) => [name, Int32Array.of(count)])
          )
        })
  }
})

describe("an execution provider", () => {
  it("works if it ran any node, whoever ran the others", () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...Provider.names),
        fc.dictionary(fc.constantFrom(...Object.values(Provider.executors)), fc.nat(9)),
        (provider, placement) => {
          const ran = placement[Provider.executors[provider]] ?? 0
          assert.strictEqual(Provider.misplaced(provider, placement) === undefined, ran > 0)
        }
      )
    ))

  it.effect("that left all its work to the CPU is refused, with what would add it", () =>
    Effect.gen(function* () {
      const host = runtime({ cuda: { CPUExecutionProvider: 96 } })
      const error = yield* Effect.flip(tried(host, "cuda", {}))
      assert.strictEqual(error.reason, "NoProvider")
      assert.strictEqual(
        error.message,
        "the execution provider cuda does not work here: nothing ran on CUDAExecutionProvider, " +
          `but 96 nodes on CPUExecutionProvider; what to do: ${Provider.remedy("cuda", platform)}`
      )
    })
  )

  it.effect("is chosen by `auto` as the first that works, and named", () =>
    Effect.gen(function* () {
      const cpu = { CPUExecutionProvider: 5 }
      const webgpu = { WebGpuExecutionProvider: 3, CPUExecutionProvider: 2 }
      const some = runtime({ cpu, webgpu, cuda: cpu })
      assert.deepStrictEqual(yield* found(some, "auto", {}), {
        provider: "webgpu",
        placement: webgpu
      })
      assert.deepStrictEqual(yield* found(runtime({ cpu }), "auto", {}), {
        provider: "cpu",
        placement: cpu
      })
      const none = yield* Effect.flip(found(runtime({}), "auto", {}))
      assert.match(
        none.message,
        /^the execution provider cpu does not work here: no cpu; what to do: npm ci/
      )
    })
  )

  it("has something to do about it on every system", () => {
    for (const provider of Provider.names)
      for (const system of ["linux/x64", "linux/arm64", "darwin/arm64", "win32/x64", "aix/ppc64"])
        assert.isAbove(Provider.remedy(provider, system).length, 4)
    const command = Provider.remedy("cuda", "linux/x64").split(" ")
    const script = new URL(`../../../${command[1] ?? ""}`, import.meta.url)
    assert.deepStrictEqual([command[0], existsSync(script)], ["node", true])
  })
})

/** Those that this system's runtime has never heard of. */
const strangers = Provider.names.filter((name) => backends().every((one) => one.name !== name))

describe("a pool", () => {
  it.effect("does not run on the CPU what was to run elsewhere", () =>
    Effect.forEach(strangers, (provider) =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const error = yield* Effect.flip(pool.compile({ y: Op.negate(Op.input("x", [1])) }))
        assert.strictEqual(error.reason, "NoProvider")
        assert.match(error.message, new RegExp(`has no execution provider ${provider}; it has cpu`))
      }).pipe(Effect.provide(Session.layer({ provider })), Effect.scoped)
    )
  )

  it.effect("says by whom its graphs are run", () =>
    Effect.gen(function* () {
      const { placement, provider } = yield* (yield* SessionPool).provider
      assert.deepStrictEqual([provider, Object.keys(placement)], ["cpu", ["CPUExecutionProvider"]])
    }).pipe(Effect.provide(Session.layerInline))
  )
})

describe("a portable encoding", () => {
  it.effect(
    "asks no kernel for the result that WebGPU's gives another meaning, and is as exact",
    () =>
      Effect.gen(function* () {
        const [x, gain] = [Op.input("x", [3, 4]), Op.input("gain", [4])]
        const loss = Op.sum(Op.square(Op.rmsNorm(x, gain)))
        const [dx = x, dGain = gain] = Gradient.gradients(loss, [x, gain])
        const model = Model.of({ dx, dGain }, { isPortable: true })
        const { nodes } = yield* OnnxFile.read(model.bytes, "the norm")
        const norms = nodes.filter(({ op }) => op === "SimplifiedLayerNormalization")
        assert.deepStrictEqual(
          norms.map(({ outputs }) => outputs.length),
          [1]
        )
        const feeds = {
          x: Float32Array.from({ length: 12 }, (_, index) => Math.sin(index)),
          gain: Float32Array.of(1, -2, 0.5, 3)
        }
        const found = yield* (yield* (yield* SessionPool).load(model)).run(feeds)
        const exact = Interpreter.evaluate({ dx, dGain }, feeds)
        for (const [name, numbers] of Object.entries(exact)) {
          const result = found[name === "dx" ? "dx" : "dGain"]
          assert.isTrue(result instanceof Float32Array)
          if (result instanceof Float32Array)
            assert.isBelow(ProviderCheck.errorOf(result, numbers), 1e-5)
        }
      }).pipe(Effect.provide(Session.layerInline))
  )
})

describe("the check of a provider", () => {
  it.live("finds the CPU exact to seven digits, and measures it", () =>
    Effect.gen(function* () {
      const report = yield* ProviderCheck.report("cpu")
      assert.isTrue(report.runs)
      if (!report.runs) return
      assert.isBelow(report.relativeError, 5e-6)
      assert.isAbove(report.relativeError, 0)
      assert.isAbove(report.gigaflops, 0)
      assert.isAbove(report.stepsPerSecond, 0)
    })
  )

  it.live("says of one that is not there what is wrong and what would add it", () =>
    Effect.forEach(strangers, (provider) =>
      Effect.gen(function* () {
        const backend = backends().map(({ name }) => name)
        assert.deepStrictEqual(yield* ProviderCheck.report(provider), {
          provider,
          isBundled: false,
          runs: false,
          problem: `this build of the runtime has no execution provider ${provider}; it has ${backend.join(", ")}`,
          remedy: Provider.remedy(provider, platform)
        })
      })
    )
  )

  it("takes the worst number of all, and one that is none as infinitely wrong", () => {
    const exact = Float64Array.of(1, -4, 0)
    assert.strictEqual(ProviderCheck.errorOf([1, -4, 0], exact), 0)
    assert.strictEqual(ProviderCheck.errorOf([1, -4, 1], exact), 0.25)
    assert.strictEqual(ProviderCheck.errorOf([1, Number.NaN, 0], exact), Infinity)
    assert.strictEqual(ProviderCheck.errorOf([1, -4], exact), Infinity)
    assert.strictEqual(ProviderCheck.errorOf(undefined, exact), Infinity)
  })
})
