import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Model, Op, Parameters, Session, type Value } from "../src/index.ts"
import * as Decoder from "./Decoder.ts"

const { SessionPool } = Session
const inWorker = Session.layer({ workers: 1 })

const x = Op.input("x", [2, 3])
const doubled = { y: Op.multiply(x, 2), all: Op.sum(x) }
const numbers = Float32Array.of(1, 2, 3, 4, 5, 6)

const size = { layers: 1, width: 16, heads: 2, hidden: 32, vocabulary: 11, batch: 2, length: 5 }

const decoderOutputs = Effect.gen(function* () {
  const pool = yield* SessionPool
  const specifications = Decoder.specifications(size)
  const parameters = Parameters.make(specifications, Decoder.randomOf(3))
  const ids = Op.input("ids", [size.batch, size.length], "int64")
  const values = Decoder.logits(size, Parameters.inputs(specifications), ids)
  const session = yield* pool.compile({ values }, { bind: parameters.arrays })
  return yield* session.run({ ids: Decoder.ids(size, Decoder.randomOf(4)) })
})

describe("a session", () => {
  it.effect("computes the same bits in a thread as in the caller", () =>
    Effect.gen(function* () {
      const there = yield* Effect.scoped(decoderOutputs).pipe(Effect.provide(inWorker))
      const here = yield* Effect.scoped(decoderOutputs).pipe(Effect.provide(Session.layerInline))
      assert.deepStrictEqual(there, here)
    })
  )

  const refusals: ReadonlyArray<readonly [string, Session.Feeds, string, RegExp]> = [
    ["a missing feed", {}, "MissingFeed", /input x, float32 \[2, 3\], was not fed/],
    ["an unknown feed", { x: numbers, z: numbers }, "UnknownFeed", /no free input z; it has x/],
    [
      "a feed of another size",
      { x: Float32Array.of(1) },
      "MisshapenFeed",
      /input x is float32 \[2, 3\] \(Float32Array of 6\), but was given float32 \[1\]/
    ],
    [
      "a feed of another type",
      { x: new BigInt64Array(6) },
      "MisshapenFeed",
      /but was given int64 \[6\]/
    ]
  ]
  for (const [what, feeds, reason, message] of refusals)
    it.effect(`names ${what}`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const session = yield* pool.compile(doubled)
        const error = yield* Effect.flip(session.run(feeds))
        assert.strictEqual(error.reason, reason)
        assert.match(error.message, message)
      }).pipe(Effect.provide(Session.layerInline))
    )

  it.effect("reads bound memory anew at every run and writes into given memory", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const memory = new Float32Array(new SharedArrayBuffer(4)).fill(1)
      const next = { next: Op.add(Op.input("state", [1]), Op.input("by", [1])) }
      const session = yield* pool.compile(next, { bind: { state: memory }, into: { next: memory } })
      yield* session.run({ by: Float32Array.of(2) })
      memory[0] = (memory[0] ?? 0) * 10
      yield* session.run({ by: Float32Array.of(5) })
      assert.deepStrictEqual([...memory], [35])
    }).pipe(Effect.provide(inWorker))
  )

  it.effect("refuses to bind memory that other threads cannot see", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const error = yield* Effect.flip(pool.compile(doubled, { bind: { x: numbers } }))
      assert.strictEqual(error.reason, "NotShared")
    }).pipe(Effect.provide(Session.layerInline))
  )

  it.effect("answers each of many runs at once with its own result", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const session = yield* pool.compile(doubled)
      const sums = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, index) => index),
        (index) =>
          Effect.map(session.run({ x: new Float32Array(6).fill(index) }), ({ all }) => all[0]),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        sums,
        Array.from({ length: 50 }, (_, index) => 6 * index)
      )
    }).pipe(Effect.provide(inWorker))
  )

  it.effect("copies only the fed part of a larger buffer", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const session = yield* pool.compile(doubled)
      const { y } = yield* session.run({ x: new Float32Array(100_000).fill(3).subarray(10, 16) })
      assert.deepStrictEqual(y, new Float32Array(6).fill(6))
    }).pipe(Effect.provide(inWorker))
  )

  it.effect("gives whole numbers and truths as floats", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const session = yield* pool.compile({ first: Op.argMax(x), high: Op.greater(x, 4) })
      assert.deepStrictEqual(yield* session.run({ x: numbers }), {
        first: Float32Array.of(2, 2),
        high: Float32Array.of(0, 0, 0, 0, 1, 1)
      })
    }).pipe(Effect.provide(Session.layerInline))
  )

  it.effect("gives a loaded model's outputs in their own types, from a thread too", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const large = Op.input("large", [2], "int64")
      const model = Model.of({
        ids: Op.concat([large, large], 0),
        high: Op.greater(x, 4),
        x2: Op.multiply(x, 2)
      })
      assert.deepStrictEqual(model.inputs, {
        large: { shape: [2], type: "int64" },
        x: { shape: [2, 3], type: "float32" }
      })
      const session = yield* pool.load(model)
      const exact = 2n ** 53n + 1n
      assert.deepStrictEqual(
        { ...(yield* session.run({ x: numbers, large: BigInt64Array.of(exact, -exact) })) },
        {
          ids: BigInt64Array.of(exact, -exact, exact, -exact),
          high: Uint8Array.of(0, 0, 0, 0, 1, 1),
          x2: Float32Array.of(2, 4, 6, 8, 10, 12)
        }
      )
    }).pipe(Effect.provide(inWorker))
  )

  it.effect("writes the outputs of one run where that run says, and nowhere else", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const session = yield* pool.compile(doubled)
      const memory = [0, 1].map(() => new Float32Array(new SharedArrayBuffer(24)))
      for (const [index, y] of memory.entries())
        yield* session.run({ x: new Float32Array(6).fill(index + 1) }, { y })
      yield* session.run({ x: numbers })
      assert.deepStrictEqual(
        memory.map((array) => [...array]),
        [new Array(6).fill(2), new Array(6).fill(4)]
      )
      const refused = yield* Effect.flip(session.run({ x: numbers }, { y: numbers }))
      assert.strictEqual(refused.reason, "NotShared")
      const misshapen = yield* Effect.flip(session.run({ x: numbers }, { all: numbers }))
      assert.match(misshapen.message, /output all is float32 \[\] \(Float32Array of 1\)/)
    }).pipe(Effect.provide(inWorker))
  )

  it.effect("adds all rows that fall on one, also with several threads in a kernel", () =>
    Effect.gen(function* () {
      const [count, width] = [8192, 64]
      const pool = yield* SessionPool
      const [rows, ids] = [Op.input("rows", [count, width]), Op.input("ids", [count], "int64")]
      const session = yield* pool.compile({
        small: Op.scatterRows(rows, ids, 50),
        large: Op.slice(Op.scatterRows(rows, ids, 500), 0, 0, 50)
      })
      const feeds = {
        rows: new Float32Array(count * width).fill(1),
        ids: BigInt64Array.from({ length: count }, (_, index) => BigInt(index % 50))
      }
      const expected = Float32Array.from({ length: 50 * width }, (_, index) =>
        Math.floor(index / width) < count % 50 ? 164 : 163
      )
      for (let run = 0; run < 5; run++)
        assert.deepStrictEqual(yield* session.run(feeds), { small: expected, large: expected })
    }).pipe(Effect.provide(Session.layer({ workers: 1, intraOpNumThreads: 2 })))
  )

  it.effect("names the graph, the node and the shapes of a run that fails", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const table = { table: new Float32Array(new SharedArrayBuffer(8)) }
      const row = Op.gather(Op.input("table", [2, 1]), Op.cast(Op.input("id", [1]), "int64"))
      const session = yield* pool.compile({ row }, { name: "the lookup", bind: table })
      const error = yield* Effect.flip(session.run({ id: Float32Array.of(7) }))
      assert.deepStrictEqual(
        [error.reason, error.graph, error.node],
        ["RunFailed", "the lookup", "Gather:row"]
      )
      assert.match(
        error.message,
        /^the lookup failed in node Gather:row \(Gather\): indices element out of data bounds.*; it was fed id float32 \[1\]$/
      )
    }).pipe(Effect.provide(inWorker))
  )

  it.effect("names a model that the runtime cannot read", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const foreign = { bytes: Uint8Array.of(1, 2, 3), inputs: {}, outputs: {} }
      const error = yield* Effect.flip(pool.load(foreign, { name: "the foreign model" }))
      assert.deepStrictEqual([error.reason, error.graph], ["CompileFailed", "the foreign model"])
    }).pipe(Effect.provide(inWorker))
  )

  for (const [where, pool] of [
    ["a thread", inWorker],
    ["the caller", Session.layerInline]
  ] as const)
    it.live(`does not begin a run in ${where} that nobody waits for any more`, () =>
      Effect.gen(function* () {
        const { compile } = yield* SessionPool
        const big = Op.input("big", [600, 600])
        const product = Array.from({ length: 8 }).reduce((y: Value.Value) => Op.matMul(y, big), big)
        const slow = yield* compile({ product })
        const memory = new Float32Array(new SharedArrayBuffer(24))
        const mark = yield* compile(doubled)
        const first = yield* Effect.forkChild(slow.run({ big: new Float32Array(600 * 600) }), {
          startImmediately: true
        })
        const second = yield* Effect.forkChild(mark.run({ x: numbers }, { y: memory }), {
          startImmediately: true
        })
        yield* Fiber.interrupt(second)
        yield* Fiber.join(first)
        const { all } = yield* mark.run({ x: numbers })
        assert.deepStrictEqual([all[0], [...memory]], [21, new Array(6).fill(0)])
      }).pipe(Effect.provide(pool), Effect.scoped)
    )

  it.effect("refuses a worker that the pool does not have", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const error = yield* Effect.flip(pool.compile(doubled, { worker: 3 }))
      assert.match(error.message, /there is no worker 3: the pool has 2/)
      yield* pool.compile(doubled, { worker: 1 })
    }).pipe(Effect.provide(Session.layer({ workers: 2 })))
  )

  it.effect("refuses two values under one name", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const clash: { readonly [name: string]: Value.Value } = { x: Op.multiply(x, 2) }
      const error = yield* Effect.flip(pool.compile(clash))
      assert.match(error.message, /two different values are named x/)
    }).pipe(Effect.provide(Session.layerInline))
  )
})

const dying = new URL(
  "data:text/javascript,import{parentPort}from'node:worker_threads';" +
    "parentPort.on('message',({id,request}={})=>{if(!request)return parentPort.close();" +
    "if(request.kind==='run')process.exit(7);parentPort.postMessage({id,outputs:{}})})"
)

/** The entry of a thread that dies once, of a feed named poison. */
const mortal = (mark: string, built: string) => `
  import { existsSync, writeFileSync } from "node:fs"
  import { parentPort } from "node:worker_threads"
  import ${JSON.stringify(built)}
  parentPort.on("message", ({ request }) => {
    if (!request?.feeds?.poison || existsSync(${JSON.stringify(mark)})) return
    writeFileSync(${JSON.stringify(mark)}, "")
    process.exit(7)
  })`

describe("a thread that dies", () => {
  it.effect("fails its pending runs and all later ones, and does not hang", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const session = yield* pool.compile(doubled)
      const pending = yield* Effect.forEach(
        [1, 2, 3],
        () => Effect.flip(session.run({ x: numbers })),
        { concurrency: "unbounded" }
      )
      const later = yield* Effect.flip(session.run({ x: numbers }))
      for (const error of [...pending, later]) {
        assert.strictEqual(error.reason, "WorkerDied")
        assert.match(error.message, /exit code 7/)
      }
    }).pipe(Effect.provide(Session.layerFrom({ workers: 1 }, dying)))
  )

  it.effect("is followed by another one with the same sessions", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "session-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const entry = join(folder, "entry.mjs")
      const built = new URL("../src/SessionWorker.ts", import.meta.url).href
      writeFileSync(entry, mortal(join(folder, "died"), built))
      const context = yield* Layer.build(Session.layerFrom({ workers: 1 }, pathToFileURL(entry)))
      const pool = Context.get(context, SessionPool)
      const session = yield* pool.compile(doubled)
      const other = yield* pool.compile({ negative: Op.negate(x) })
      assert.strictEqual((yield* session.run({ x: numbers })).all[0], 21)
      const poison = yield* pool.compile({ sum: Op.add(Op.input("poison", [1]), 1) })
      const error = yield* Effect.flip(poison.run({ poison: Float32Array.of(1) }))
      assert.strictEqual(error.reason, "WorkerDied")
      const [{ all }, { negative }] = yield* Effect.all(
        [session.run({ x: numbers }), other.run({ x: numbers })],
        { concurrency: 2 }
      )
      assert.deepStrictEqual([all[0], negative[5]], [21, -6])
      assert.strictEqual((yield* poison.run({ poison: Float32Array.of(1) })).sum[0], 2)
    })
  )

  it.effect("that never started fails what it is asked", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const error = yield* Effect.flip(pool.compile(doubled))
      assert.strictEqual(error.reason, "WorkerDied")
    }).pipe(
      Effect.provide(
        Session.layerFrom({ workers: 1 }, new URL("./NoSuchWorker.ts", import.meta.url))
      )
    )
  )

  it.live(
    "is ended with its layer: the run in progress is finished, what waits behind it fails",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(inWorker, scope)
        const big = Op.input("big", [700, 700])
        const product = Array.from({ length: 8 }).reduce((y: Value.Value) => Op.matMul(y, big), big)
        const session = yield* Context.get(context, SessionPool).compile({ product })
        const run = Effect.exit(session.run({ big: new Float32Array(700 * 700) }))
        const runs = yield* Effect.forkChild(Effect.all([run, run, run], { concurrency: 3 }))
        yield* Effect.sleep("20 millis")
        yield* Scope.close(scope, Exit.void)
        const ends = (yield* Fiber.join(runs)).map((exit) => exit._tag)
        assert.deepStrictEqual(ends, ["Success", "Failure", "Failure"])
      })
  )

  it("is not killed inside a run when the process ends, which would abort it", () => {
    const source = `
      import { Op, Session } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url))}
      import * as Effect from ${JSON.stringify(import.meta.resolve("effect/Effect"))}
      const big = Op.input("big", [900, 900])
      const product = Array.from({ length: 8 }).reduce((y) => Op.matMul(y, big), big)
      await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
        const pool = yield* Session.SessionPool
        const session = yield* pool.compile({ product })
        setTimeout(() => process.exit(3), 30)
        for (;;) yield* session.run({ big: new Float32Array(900 * 900) })
      }).pipe(Effect.provide(Session.layer({ workers: 1 })))))`
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", source])
    assert.deepStrictEqual([status, stderr.toString()], [3, ""])
  })
})
