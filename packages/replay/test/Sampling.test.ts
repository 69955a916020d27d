import { ReplayBuffer as Contract, type Trajectory } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { ReplayBuffer } from "../src/index.ts"
import { add, kept, trajectoryOf } from "./disk.ts"
import { countsOf, excess } from "./sampling/chiSquare.ts"

const inMemory = (options: ReplayBuffer.Options = {}) =>
  Effect.provide(ReplayBuffer.layerMemory(options), { local: true })
const draw = (request: Contract.SampleRequest) =>
  Contract.ReplayBuffer.use((buffer) => buffer.draw(request))
const prioritise = (...priorities: ReadonlyArray<Contract.Priority>) =>
  Contract.ReplayBuffer.use((buffer) => buffer.prioritise(priorities))
const dream = (id: string) => trajectoryOf(id, { isReal: false })

const byPriority: Contract.Strategy = { _tag: "Proportional", alpha: 0.6, epsilon: 1e-3 }
const strategies: ReadonlyArray<Contract.Strategy> = [
  { _tag: "Uniform" },
  byPriority,
  { _tag: "RankBased", alpha: 0.7 },
  { _tag: "Recency", halfLife: 3 }
]

describe("what is drawn", () => {
  const size = 12
  const idOf = (i: number) => `trajectory-${i}`
  /** In the order of arrival; the priority of i is (5 i mod 12) + 1. */
  const priorityOf = (i: number) => ((5 * i) % size) + 1
  const weights: Readonly<Record<Contract.Strategy["_tag"], (i: number) => number>> = {
    Uniform: () => 1,
    Proportional: (i) => (priorityOf(i) + 1e-3) ** 0.6,
    RankBased: (i) => (size + 1 - priorityOf(i)) ** -0.7,
    Recency: (i) => 2 ** ((i - size) / 3)
  }
  const ending = { _tag: "Failed", fault: "Parse", message: "?" } as const
  const rejected: Trajectory.Trajectory = {
    ...trajectoryOf("rejected"),
    verdict: { _tag: "Rejected", reason: "Judged", message: "dull", scores: {} }
  }
  const filled = Effect.gen(function* () {
    for (let i = 0; i < size; i++) {
      // Between them what may not be drawn, and what went again.
      yield* add(dream(`passing-${i}`), trajectoryOf(`broken-${i}`, { ending }), rejected)
      yield* add(trajectoryOf(`${i}`))
    }
    yield* prioritise(
      ...Array.from({ length: size }, (_, i) => ({ id: idOf(i), priority: priorityOf(i) }))
    )
  })

  it.effect.each(strategies)(
    "by $_tag comes as often as its weight says, and nothing else does",
    (strategy) =>
      Effect.gen(function* () {
        yield* filled
        const total = Array.from({ length: size }, (_, i) => weights[strategy._tag](i))
        const sum = total.reduce((a, b) => a + b, 0)
        const drawn = yield* draw({ count: 20_000, key: 3, replacement: true, strategy })
        const places = drawn.map(({ trajectory }) => Number(trajectory.task.id))
        assert.isBelow(
          excess(
            countsOf(places, size),
            total.map((weight) => weight / sum)
          ),
          0
        )
        const greatest = Math.max(...total.map((weight) => sum / weight / size))
        drawn.slice(0, 50).forEach(({ importance, probability }, i) => {
          const expected = weights[strategy._tag](places[i] ?? -1) / sum
          assert.approximately(probability, expected, 1e-9)
          assert.approximately(importance, 1 / (size * expected) / greatest, 1e-6)
        })
      }).pipe(inMemory({ quotas: { synthetic: 0 } }))
  )
})

type Happening =
  | { readonly _tag: "Added"; readonly id: number; readonly isReal: boolean }
  | { readonly _tag: "Prioritised"; readonly id: number; readonly priority: number }
  | { readonly _tag: "Drawn" | "Snapshot" | "Restored" }

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      _tag: fc.constant("Added" as const),
      id: fc.nat(400),
      isReal: fc.boolean()
    })
  },
  {
    weight: 4,
    arbitrary: fc.record({
      _tag: fc.constant("Prioritised" as const),
      id: fc.nat(400),
      priority: fc.oneof(fc.nat(9), fc.double({ noNaN: true, noDefaultInfinity: true }))
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({ _tag: fc.constantFrom("Drawn", "Drawn", "Snapshot", "Restored") })
  }
)

/** Lives through it all; answers the priorities of what is left that are not 1. */
const live = Effect.fnUntraced(function* (happenings: ReadonlyArray<Happening>) {
  const buffer = yield* Contract.ReplayBuffer
  let priorities: ReadonlyMap<string, number> = new Map()
  let held = { version: yield* buffer.snapshot, priorities }
  for (const one of happenings) {
    const next = new Map(priorities)
    if (one._tag === "Added") {
      const trajectory = trajectoryOf(`${one.id}`, { isReal: one.isReal })
      if ((yield* add(trajectory)) > 0) next.delete(trajectory.id)
    }
    if (one._tag === "Prioritised") {
      const id = `trajectory-${one.id}`
      yield* prioritise({ id, priority: one.priority })
      next.set(id, one.priority)
    }
    if (one._tag === "Drawn") yield* Effect.ignore(Effect.forEach(requests, draw))
    if (one._tag === "Snapshot") held = { version: yield* buffer.snapshot, priorities }
    if (one._tag === "Restored") yield* buffer.restore(held.version)
    const ids = new Set((yield* kept).map(({ id }) => id))
    const known = one._tag === "Restored" ? held.priorities : next
    priorities = new Map([...known].filter(([id]) => ids.has(id)))
  }
  return [...priorities].map(([id, priority]) => ({ id, priority }))
})

const requests: ReadonlyArray<Contract.SampleRequest> = [
  ...strategies.flatMap((strategy) => [
    { count: 9, key: 1, strategy },
    { count: 9, key: 2, strategy, replacement: true, beta: 0.5 }
  ]),
  ...strategies
    .filter(({ _tag }) => _tag !== "RankBased")
    .map((strategy) => ({ count: 30, key: 3, strategy, realFraction: 0.3, successFraction: 0.2 }))
]

describe("the same contents and request", () => {
  it("give the same draw, to the last bit of each probability, whatever was before", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(happening, { minLength: 50, maxLength: 300, size: "max" }),
        (happenings) =>
          Effect.gen(function* () {
            const [contents, priorities, drawn] = yield* Effect.gen(function* () {
              const left = yield* live(happenings)
              const drawings = yield* Effect.forEach(requests, (one) => Effect.result(draw(one)))
              return [yield* kept, left, drawings] as const
            }).pipe(inMemory({ capacity: 60, quotas: { real: 40 } }))
            const afresh = yield* Effect.gen(function* () {
              yield* add(...contents)
              yield* prioritise(...priorities)
              return yield* Effect.forEach(requests, (one) => Effect.result(draw(one)))
            }).pipe(inMemory())
            assert.deepStrictEqual(drawn, afresh)
          }).pipe(Effect.runPromise)
      ),
      { seed: 1, numRuns: 10 }
    ))
})

describe("a priority", () => {
  it.effect(
    "is that of all who bear the id, the last where it is given twice, and goes with them",
    () =>
      Effect.gen(function* () {
        const twin = { ...dream("b"), id: "trajectory-a" }
        const weighed = Effect.map(
          draw({ count: 3, key: 1, strategy: { _tag: "Proportional", alpha: 1, epsilon: 0 } }),
          (drawn) =>
            drawn
              .map(({ probability, trajectory }) => [trajectory.task.id, probability] as const)
              .toSorted(([a], [b]) => (a < b ? -1 : 1))
        )
        yield* add(dream("a"), twin, dream("c"))
        yield* prioritise(...[7, 2].map((priority) => ({ id: "trajectory-a", priority })))
        assert.deepStrictEqual(yield* weighed, [
          ["a", 0.4],
          ["b", 0.4],
          ["c", 0.2]
        ])
        yield* add(dream("d"), { ...dream("e"), id: "trajectory-a" })
        yield* prioritise({ id: "trajectory-a", priority: 3 })
        assert.deepStrictEqual(yield* weighed, [
          ["c", 0.2],
          ["d", 0.2],
          ["e", 0.6]
        ])
      }).pipe(inMemory({ capacity: 3 }))
  )
})

describe("a request", () => {
  const wrong: ReadonlyArray<readonly [Partial<Contract.SampleRequest>, string]> = [
    [{ count: -1 }, "count is -1"],
    [{ count: 1.5 }, "count is 1.5"],
    [{ realFraction: 1.1 }, "realFraction is 1.1"],
    [{ successFraction: Number.NaN }, "successFraction is NaN"],
    [{ beta: -0.1 }, "beta is -0.1"],
    [{ environments: { room: -1 } }, "environments.room is -1"],
    [{ strategy: { _tag: "Recency", halfLife: 0 } }, "Recency.halfLife is 0"],
    [{ strategy: { _tag: "RankBased", alpha: Number.NaN } }, "RankBased.alpha is NaN"],
    [{ strategy: { _tag: "Proportional", alpha: 1, epsilon: -1 } }, "Proportional.epsilon is -1"],
    [
      { strategy: { _tag: "RankBased", alpha: 1 }, realFraction: 0.5, environments: {} },
      "leave out realFraction and environments"
    ]
  ]

  it.effect(
    "that contradicts itself is refused with what is wrong in it, also by an empty buffer",
    () =>
      Effect.gen(function* () {
        for (const content of [[], [trajectoryOf("a")]]) {
          yield* add(...content)
          for (const [more, message] of wrong) {
            const error = yield* Effect.flip(draw({ count: 1, key: 1, ...more }))
            assert.strictEqual(error.reason, "BadRequest")
            assert.include(error.message, message)
          }
        }
      }).pipe(inMemory())
  )

  it.effect("to prioritise by what is no number changes nothing", () =>
    Effect.gen(function* () {
      yield* add(trajectoryOf("a"), trajectoryOf("b"))
      const request = { count: 50, key: 1, replacement: true, strategy: byPriority }
      const before = yield* draw(request)
      const priorities = [
        { id: "trajectory-a", priority: 5 },
        { id: "trajectory-b", priority: Number.NaN }
      ]
      const error = yield* Effect.flip(prioritise(...priorities))
      assert.deepStrictEqual(
        [error.reason, error.message.slice(0, 37)],
        ["BadRequest", "the priority of trajectory-b is NaN; "]
      )
      assert.deepStrictEqual(yield* draw(request), before)
      yield* prioritise({ id: "nobody", priority: 1 })
    }).pipe(inMemory())
  )
})
