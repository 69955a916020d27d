import { Embedder as Contract, ReplayBuffer as Buffer, type Trajectory } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { ReplayBuffer } from "../src/index.ts"
import * as Kept from "../src/Kept.ts"
import * as Shelf from "../src/Shelf.ts"
import { noting, vectorOf } from "./database.ts"
import { add, trajectoryOf } from "./disk.ts"

const inMemory = (options: ReplayBuffer.Options) =>
  Effect.provide(ReplayBuffer.layerMemory(options), { local: true })
const similar = (query: Buffer.SimilarQuery) =>
  Buffer.ReplayBuffer.use((buffer) => buffer.similar(query))
const idsOf = (found: ReadonlyArray<Buffer.Demonstration>) => found.map(({ id }) => id)
const anything = { state: "", action: "?", k: 9 }
const dream = (id: string) => trajectoryOf(id, { isReal: false })

describe("questions asked at once", () => {
  it.effect("are answered by one search, after one look at what is new", () => {
    const { asked, embedder } = noting()
    return Effect.gen(function* () {
      yield* add(trajectoryOf("a"), trajectoryOf("b"))
      const queries = ["x", "y", "z"].map((action) => similar({ ...anything, action }))
      const found = yield* Effect.all(queries, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        found.map((list) => idsOf(list).toSorted()),
        Array(3).fill(["trajectory-a#0", "trajectory-b#0"])
      )
      assert.deepStrictEqual(asked, [
        ["a room\n> take a", "a room\n> take b"],
        ["\n> x", "\n> y", "\n> z"]
      ])
      yield* similar({ ...anything, action: "x" })
      assert.deepStrictEqual(asked.slice(2), [["\n> x"]])
    }).pipe(inMemory({ embedder }))
  })

  it.effect("wait for who asks a little later in the same turn of the event loop", () => {
    const { asked, embedder } = noting()
    return Effect.gen(function* () {
      yield* add(trajectoryOf("a"))
      yield* similar(anything)
      const late = Effect.andThen(
        Effect.promise(() => Promise.resolve()),
        similar(anything)
      )
      yield* Effect.all([similar(anything), late], { concurrency: "unbounded" })
      assert.deepStrictEqual(asked.slice(2), [["\n> ?", "\n> ?"]])
    }).pipe(inMemory({ embedder }))
  })

  it.effect("fail each for itself where the embedder refuses one text", () => {
    const { embedder } = noting()
    const picky: Contract.Embedder = {
      ...embedder,
      embed: (texts) =>
        texts.some((text) => text.includes("bad")) ? refusal : embedder.embed(texts)
    }
    return Effect.gen(function* () {
      yield* add(trajectoryOf("a"), trajectoryOf("bad"), trajectoryOf("b"))
      const queries = ["good", "bad"].map((action) =>
        Effect.result(similar({ ...anything, action }))
      )
      const [good, bad] = yield* Effect.all(queries, { concurrency: "unbounded" })
      assert.deepStrictEqual(good?._tag === "Success" ? idsOf(good.success).toSorted() : good, [
        "trajectory-a#0",
        "trajectory-b#0"
      ])
      assert.deepStrictEqual(
        bad?._tag === "Failure" ? [bad.failure.reason, bad.failure.message] : bad,
        ["Embedding", "picky gave no vector: too long"]
      )
    }).pipe(inMemory({ embedder: picky }))
  })

  it.effect("go on where one of those who asked is interrupted", () => {
    const { embedder } = noting()
    return Effect.gen(function* () {
      yield* add(trajectoryOf("a"))
      const [first, second] = yield* Effect.all([
        Effect.forkChild(similar(anything)),
        Effect.forkChild(similar(anything))
      ])
      yield* Effect.yieldNow
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(idsOf(yield* Fiber.join(second)), ["trajectory-a#0"])
    }).pipe(inMemory({ embedder }))
  })
})

describe("a buffer that closes", () => {
  it.live("leaves nobody waiting for an answer", () =>
    Effect.gen(function* () {
      const silent = { ...noting().embedder, embed: () => Effect.never }
      const scope = yield* Scope.make()
      const layer = ReplayBuffer.layerMemory({ embedder: silent })
      const context = yield* Layer.buildWithScope(layer, scope)
      const buffer = Context.get(context, Buffer.ReplayBuffer)
      const asking = yield* Effect.forkChild(buffer.similar(anything))
      yield* Effect.sleep("5 millis")
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(asking)))
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(buffer.similar(anything))))
    })
  )
})

const refusal = Effect.fail(
  new Contract.EmbedderError({ reason: "Refused", embedder: "picky", message: "too long" })
)

describe("an embedder", () => {
  it.effect("that gave no answer is asked again at the next question", () => {
    const { asked, embedder } = noting()
    let isAway = true
    const moody: Contract.Embedder = {
      ...embedder,
      embed: (texts) =>
        isAway
          ? Effect.fail(
              new Contract.EmbedderError({
                reason: "Unavailable",
                embedder: "noting",
                message: "connection refused"
              })
            )
          : embedder.embed(texts)
    }
    return Effect.gen(function* () {
      yield* add(trajectoryOf("a"))
      const error = yield* Effect.flip(similar(anything))
      assert.deepStrictEqual(
        [error.reason, error.message],
        ["Embedding", "noting gave no vector: connection refused"]
      )
      isAway = false
      assert.deepStrictEqual(idsOf(yield* similar(anything)), ["trajectory-a#0"])
      assert.strictEqual(asked.length, 2)
    }).pipe(inMemory({ embedder: moody }))
  })

  it.effect("that answers otherwise than it says is refused, with what it said and did", () =>
    Effect.gen(function* () {
      const answers = [
        [[Float32Array.of(1, 2)], "odd says that its vectors have 3 numbers, and gave one of 2"],
        [[], "odd answered 0 vectors to 1 texts"],
        [[Float32Array.of(1, 2, Number.NaN)], "odd gave a vector with a number that is not finite"]
      ] as const
      for (const [answer, message] of answers) {
        const odd = { name: "odd", dimension: 3, embed: () => Effect.succeed(answer) }
        const asking = Effect.andThen(add(trajectoryOf("a")), Effect.flip(similar(anything)))
        const error = yield* asking.pipe(inMemory({ embedder: odd }))
        assert.strictEqual(error.reason, "Embedding")
        assert.include(error.message, message)
      }
    })
  )
})

describe("what is evicted while a question is answered", () => {
  it.effect("is not found, and what came in its place is found next time", () => {
    const { embedder } = noting()
    return Effect.gen(function* () {
      yield* add(dream("a"), dream("b"))
      const asking = yield* Effect.forkChild(similar(anything))
      yield* Effect.callback<void>((resume) => {
        setImmediate(() => resume(Effect.void))
      })
      yield* add(dream("c"))
      assert.isFalse(idsOf(yield* Fiber.join(asking)).includes("trajectory-a#0"))
      const later = idsOf(yield* similar(anything))
      assert.deepStrictEqual(later.toSorted(), ["trajectory-b#0", "trajectory-c#0"])
    }).pipe(inMemory({ embedder, capacity: 2 }))
  })

  it.effect("is found again when a snapshot brings it back, without being embedded again", () => {
    const { asked, embedder } = noting()
    return Effect.gen(function* () {
      const buffer = yield* Buffer.ReplayBuffer
      yield* add(dream("a"), dream("b"))
      const before = yield* similar(anything)
      const snapshot = yield* buffer.snapshot
      yield* add(dream("c"))
      yield* buffer.restore(snapshot)
      assert.deepStrictEqual(yield* similar(anything), before)
      assert.deepStrictEqual(
        asked.map((texts) => texts.length),
        [2, 1, 1]
      )
    }).pipe(inMemory({ embedder, capacity: 2 }))
  })
})

describe("what goes while the store is read", () => {
  /** A store in which one more dream comes, and so the oldest goes, the first and the third time that `slow` is read. */
  const shifting = (slow: "read" | "vectors", options: ReplayBuffer.Options) => {
    let calls = 0
    return ReplayBuffer.layerOf(options, (quotas, changed) =>
      Effect.sync(() => {
        const kept = Shelf.make(quotas, changed)
        const shift = Effect.andThen(
          Effect.yieldNow,
          Effect.suspend(() =>
            [1, 3].includes(++calls)
              ? kept.add([Kept.comingOf(dream(`more-${calls}`), () => 1)])
              : Effect.void
          )
        )
        return {
          ...kept,
          read: (entries) =>
            slow === "read" ? Effect.andThen(shift, kept.read(entries)) : kept.read(entries),
          vectors: {
            read: (_, page) => {
              const some = kept.entries().map(({ id, seq }) => ({
                seq,
                vectors: vectorOf(`a room\n> take ${id.slice(11)}`)
              }))
              return slow === "vectors" ? Effect.andThen(shift, page(some)) : Effect.void
            },
            write: () => Effect.void
          }
        }
      })
    )
  }

  it.effect.each(["read", "vectors"] as const)(
    "(%s) is not found, and all that is kept is",
    (slow) => {
      const { embedder } = noting()
      return Effect.gen(function* () {
        yield* add(dream("a"), dream("b"), dream("c"))
        const found = yield* similar(anything)
        const buffer = yield* Buffer.ReplayBuffer
        const left = yield* Stream.runCollect(buffer.trajectories())
        const ids = left.map(({ id }) => `${id}#0`)
        assert.isTrue(
          idsOf(found).every((id) => ids.includes(id)),
          `${idsOf(found)} of ${ids}`
        )
        assert.isAbove(found.length, 0)
        const again = yield* similar({ state: "a room", action: "take a", k: 3 })
        assert.deepStrictEqual(idsOf(again).toSorted(), ids.toSorted())
      }).pipe(Effect.provide(shifting(slow, { embedder, capacity: 3 }), { local: true }))
    }
  )
})

describe("what is found among hundreds", () => {
  const names = ["hall", "yard"]
  const random = fc.sample(
    fc.tuple(fc.boolean(), fc.constantFrom(...names), fc.nat(3), fc.nat(3)),
    {
      numRuns: 200,
      seed: 1
    }
  )
  const all: ReadonlyArray<Trajectory.Trajectory> = random.map(
    ([isReal, environment, policyVersion, length], i) =>
      trajectoryOf(`${i}`, {
        isReal,
        environment,
        policyVersion,
        turns: Array.from({ length }, (_, n) => [`go ${i} ${n}`, `room ${i} ${n}`] as const)
      })
  )
  const quality = ({ policyVersion, transitions }: Trajectory.Trajectory) =>
    policyVersion + transitions.length / 10

  /** Cosines in 64 bits, one after the other. */
  const bruteForce = ({ action, k, state, ...filter }: Buffer.SimilarQuery) => {
    const query = vectorOf(Contract.textOf({ state, action }))
    return all
      .filter(
        (one) =>
          (filter.environment ?? one.task.environment) === one.task.environment &&
          (filter.task ?? one.task.id) === one.task.id &&
          quality(one) >= (filter.leastQuality ?? -1) &&
          one.policyVersion >= (filter.leastVersion ?? -1) &&
          one.id !== filter.excludeTrajectory
      )
      .flatMap(({ id, transitions }) =>
        transitions.map(({ action: taken, observation, provenance }, i) => ({
          id: `${id}#${i}`,
          source: provenance._tag,
          cosine: cosine(
            query,
            vectorOf(Contract.textOf({ state: observation, action: taken.text }))
          )
        }))
      )
      .filter(({ source }) => (filter.source ?? source) === source)
      .toSorted((a, b) => b.cosine - a.cosine)
      .slice(0, k)
      .map(({ id }) => id)
  }

  const query = fc.record(
    {
      state: fc.string(),
      action: fc.string(),
      k: fc.constant(8),
      source: fc.constantFrom("Real" as const, "Synthetic" as const),
      environment: fc.constantFrom(...names),
      task: fc.nat(199).map(String),
      leastQuality: fc.double({ min: 0, max: 3, noNaN: true }),
      leastVersion: fc.nat(3),
      excludeTrajectory: fc.nat(199).map((i) => `trajectory-${i}`)
    },
    { requiredKeys: ["state", "action", "k"] }
  )

  it.effect("are the nearest of all that pass every filter: recall at 8 is 1", () =>
    Effect.gen(function* () {
      yield* add(...all)
      const queries = fc.sample(query, { numRuns: 300, seed: 2 })
      const found = yield* Effect.forEach(queries, similar, { concurrency: "unbounded" })
      assert.deepStrictEqual(found.map(idsOf), queries.map(bruteForce))
      assert.isAbove(found.flat().length, 400)
    }).pipe(inMemory({ embedder: noting().embedder, quality }))
  )
})

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array) =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}
