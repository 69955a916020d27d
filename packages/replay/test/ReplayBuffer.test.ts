import { History, ReplayBuffer as Contract, Seed } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ReplayBuffer } from "../src/index.ts"
import { add, idsOf, kept, trajectoryOf } from "./disk.ts"

const dream = (id: string) => trajectoryOf(id, { isReal: false })
const inMemory = (options: ReplayBuffer.Options = {}) =>
  Effect.provide(ReplayBuffer.layerMemory(options), { local: true })
const stats = Contract.ReplayBuffer.use((buffer) => buffer.stats)
const sample = (request: Contract.SampleRequest) =>
  Contract.ReplayBuffer.use((buffer) => buffer.sample(request))
const similar = (query: Contract.SimilarQuery) =>
  Contract.ReplayBuffer.use((buffer) => buffer.similar(query))

describe("a full buffer", () => {
  it.effect("forgets its oldest dreams, never what was real", () =>
    Effect.gen(function* () {
      yield* add(dream("a"), trajectoryOf("b"), dream("c"))
      yield* add(dream("d"))
      assert.deepStrictEqual(idsOf(yield* kept), ["b", "c", "d"])
      yield* add(trajectoryOf("e"), trajectoryOf("f"), trajectoryOf("g"))
      assert.deepStrictEqual(idsOf(yield* kept), ["b", "e", "f", "g"])
      yield* add(dream("h"))
      assert.deepStrictEqual(idsOf(yield* kept), ["b", "e", "f", "g"])
    }).pipe(inMemory({ capacity: 3 }))
  )

  it.effect("does not find what it forgot, and finds what came in its place", () =>
    Effect.gen(function* () {
      const query = { state: "a room", action: "take a", k: 3 }
      const found = Effect.map(similar(query), (list) => list.map(({ task }) => task.id))
      yield* add(dream("a"), dream("b"))
      assert.deepStrictEqual(yield* found, ["a", "b"])
      yield* add(dream("c"), dream("d"))
      assert.deepStrictEqual((yield* found).toSorted(), ["c", "d"])
      yield* add(dream("a"))
      assert.deepStrictEqual(yield* found, ["a", "d"])
    }).pipe(inMemory({ capacity: 2 }))
  )
})

describe("what is kept once", () => {
  it.effect("is the real one, where a dream was the same", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* add(dream("a"), trajectoryOf("a"), dream("a")), 2)
      assert.deepStrictEqual(yield* kept, [trajectoryOf("a")])
      assert.strictEqual(yield* add(dream("a"), trajectoryOf("a")), 0)
      assert.strictEqual((yield* stats).duplicates, 3)
    }).pipe(inMemory())
  )

  it.effect("differs in task, first observation, action or observation", () =>
    Effect.gen(function* () {
      const one = trajectoryOf("a")
      const others = [
        { ...one, task: { ...one.task, instruction: "hide a" } },
        { ...one, task: { ...one.task, id: "b" } },
        { ...one, task: { ...one.task, environment: "garden" } },
        { ...one, firstObservation: "another room" },
        trajectoryOf("a", { turns: [["drop a", "you hold a"]] }),
        trajectoryOf("a", { turns: [["take a", "nothing"]] }),
        trajectoryOf("a", {
          turns: [
            ["take a", "you hold a"],
            ["look", "a room"]
          ]
        }),
        trajectoryOf("a", { turns: [] })
      ]
      assert.strictEqual(yield* add(one, ...others), others.length + 1)
    }).pipe(inMemory())
  )
})

describe("a sample", () => {
  it.effect("holds nothing of an episode that failed", () =>
    Effect.gen(function* () {
      const ending = { _tag: "Failed", fault: "Parse", message: "?" } as const
      const request = { count: 4, realFraction: 0.5, key: 1 }
      yield* add(trajectoryOf("broken", { ending }))
      assert.strictEqual((yield* Effect.flip(sample(request))).reason, "NotEnough")
      yield* add(trajectoryOf("whole"))
      assert.deepStrictEqual(idsOf(yield* sample(request)), Array(4).fill("whole"))
    }).pipe(inMemory())
  )

  it.effect("draws each as often as any other of its kind", () =>
    Effect.gen(function* () {
      yield* add(...["a", "b", "c"].map((id) => trajectoryOf(id)), ...["d", "e"].map(dream))
      const drawn = yield* Effect.forEach(
        Array.from({ length: 3000 }, (_, i) => Seed.key(1, "test", i)),
        (key) => sample({ count: 2, realFraction: 0.5, key })
      )
      const times = Map.groupBy(drawn.flat(), ({ task }) => task.id)
      for (const [id, expected] of Object.entries({
        a: 1000,
        b: 1000,
        c: 1000,
        d: 1500,
        e: 1500
      })) {
        assert.approximately(times.get(id)?.length ?? 0, expected, 120, id)
      }
    }).pipe(inMemory())
  )

  it.effect(
    "has as many successes as was asked, from the one kind where the other has too few",
    () =>
      Effect.gen(function* () {
        const ending = { _tag: "Terminated", success: true } as const
        const request = { count: 6, realFraction: 0.5, successFraction: 0.5, key: 3 }
        const wins = ["d", "e", "f"]
        for (const isReal of [true, false]) {
          const buffer = Effect.gen(function* () {
            yield* add(...["a", "b", "c"].map((id) => trajectoryOf(id, { isReal })))
            yield* add(...wins.map((id) => trajectoryOf(id, { isReal: !isReal, ending })))
            yield* add(...["g", "h"].map((id) => trajectoryOf(id, { isReal: !isReal })))
            return idsOf(yield* sample(request)).toSorted()
          })
          assert.deepStrictEqual(yield* inMemory()(buffer), ["a", "b", "c", ...wins])
        }
      }).pipe(inMemory())
  )
})

describe("what is similar", () => {
  it.effect("is judged by the state that the caller describes, turn by turn", () =>
    Effect.gen(function* () {
      yield* add(
        trajectoryOf("a", {
          turns: [
            ["go", "kitchen"],
            ["go", "cellar"]
          ]
        })
      )
      const found = yield* similar({ state: "find a after 1", action: "go", k: 1 })
      assert.deepStrictEqual(
        found.map(({ id, similarity }) => [id, Math.round(similarity * 1e6) / 1e6]),
        [["trajectory-a#1", 1]]
      )
    }).pipe(inMemory({ state: (task, history) => `${task.instruction} after ${history.length}` }))
  )

  it.effect("is found through the read-only view too", () =>
    Effect.gen(function* () {
      yield* add(trajectoryOf("a"))
      const retrieval = yield* Contract.Retrieval
      const query = { state: "a room", action: "take a", k: 1 }
      assert.deepStrictEqual(yield* retrieval.similar(query), yield* similar(query))
      assert.deepStrictEqual(Object.keys(retrieval), ["similar"])
    }).pipe(
      Effect.provide(
        ReplayBuffer.layerRetrieval.pipe(Layer.provideMerge(ReplayBuffer.layerMemory()))
      )
    )
  )
})

describe("the default state", () => {
  it.effect("is the observation before the action", () =>
    Effect.gen(function* () {
      const history = History.fromTurns("a room", [{ action: "go", observation: "kitchen" }])
      yield* add(
        trajectoryOf("a", {
          turns: [
            ["go", "kitchen"],
            ["eat", "full"]
          ]
        })
      )
      const [found] = yield* similar({ state: History.observation(history), action: "eat", k: 1 })
      assert.deepStrictEqual(
        [found?.id, found?.transition.observation],
        ["trajectory-a#1", "kitchen"]
      )
    }).pipe(inMemory())
  )
})
