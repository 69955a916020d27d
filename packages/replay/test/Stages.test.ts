import { ReplayBuffer as Contract, Seed, Trajectory } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ReplayBuffer, Stages } from "../src/index.ts"
import { add, idsOf, kept as all, trajectoryOf } from "./disk.ts"

const groupOf = (id: string, policyVersion = 0): Trajectory.TrajectoryGroup => {
  const trajectories = ["x", "y"].map((end) =>
    trajectoryOf(id, { policyVersion, turns: [["go", end]] })
  )
  return { task: trajectoryOf(id).task, policyVersion, trajectories }
}
const groups = ["a", "b", "c"].map((id) => groupOf(id))
const options = { batchSize: 4, realFraction: 1, seed: 5 }
const inMemory = Effect.provide(ReplayBuffer.layerMemory(), { local: true })

describe("storing", () => {
  it.effect("lets every group flow on, once it is kept", () =>
    Effect.gen(function* () {
      const kept: Array<number> = []
      const passed = yield* Stream.fromIterable(groups).pipe(
        Stages.through,
        Stream.tap(() => Effect.map(all, (list) => kept.push(list.length))),
        Stream.runCollect
      )
      assert.deepStrictEqual(passed, groups)
      assert.deepStrictEqual(kept, [2, 4, 6])
    }).pipe(inMemory)
  )

  it.effect("fails where the buffer refuses", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Stream.fromIterable(groups).pipe(Stages.through, Stream.runDrain)
      )
      assert.strictEqual(error.reason, "EvaluationData")
      assert.deepStrictEqual(idsOf(yield* all), ["a", "a"])
    }).pipe(
      Effect.provide(ReplayBuffer.layerMemory({ evaluation: ({ id }) => id === "b" }), {
        local: true
      })
    )
  )
})

describe("drawing", () => {
  const batchesOf = (more: Partial<Stages.BatchesOptions>, from = groups) =>
    Stream.fromIterable(from).pipe(
      Stages.through,
      Stages.batches({ ...options, ...more }),
      Stream.runCollect
    )

  it.effect("gives one batch for every so many groups, each a keyed sample", () =>
    Effect.gen(function* () {
      const batches = yield* batchesOf({ every: 3 })
      const buffer = yield* Contract.ReplayBuffer
      const key = Seed.key(5, "batch", 0)
      const sample = yield* buffer.sample({ count: 4, realFraction: 1, key })
      assert.deepStrictEqual(
        batches.map((batch) => batch.flatMap(({ trajectories }) => trajectories).length),
        [4]
      )
      const members = batches.flat().flatMap(({ trajectories }) => trajectories)
      assert.sameDeepMembers([...members], [...sample])
      assert.strictEqual((yield* batchesOf({ every: 1 })).length, 3)
    }).pipe(inMemory)
  )

  it.effect("puts what is of one task and one policy version together", () =>
    Effect.gen(function* () {
      const older = { ...groupOf("a", 1), trajectories: [trajectoryOf("a", { policyVersion: 1 })] }
      const [batch = []] = yield* batchesOf({ every: 4, batchSize: 7 }, [...groups, older])
      assert.sameDeepMembers(
        batch.map(({ policyVersion, task, trajectories }) => [
          task.id,
          policyVersion,
          trajectories.length
        ]),
        [
          ["a", 0, 2],
          ["b", 0, 2],
          ["c", 0, 2],
          ["a", 1, 1]
        ]
      )
    }).pipe(inMemory)
  )

  it.effect("of a run that continues is that of a run that never stopped", () =>
    Effect.gen(function* () {
      yield* batchesOf({})
      const whole = yield* batchesOf({})
      const rest = yield* batchesOf({ firstBatch: 1 }, groups.slice(1))
      assert.deepStrictEqual(rest, whole.slice(1))
    }).pipe(inMemory)
  )

  it.effect("follows shares that change over the run", () =>
    Effect.gen(function* () {
      const dreams = ["d", "e", "f"].map((id) => trajectoryOf(id, { isReal: false }))
      yield* add(...dreams)
      const batches = yield* batchesOf({ batchSize: 2, realFraction: { from: 0, to: 1, over: 2 } })
      const shares = batches.map(
        (batch) =>
          batch.flatMap(({ trajectories }) => trajectories.filter(Trajectory.isReal)).length
      )
      assert.deepStrictEqual(shares, [0, 1, 2])
    }).pipe(inMemory)
  )

  it.effect("tells what each is to weigh, for a learner that can use it", () =>
    Effect.gen(function* () {
      yield* add(...["a", "b", "c"].map((id) => trajectoryOf(id)))
      const buffer = yield* Contract.ReplayBuffer
      yield* buffer.prioritise([{ id: "trajectory-a", priority: 8 }])
      const strategy = { _tag: "Proportional", alpha: 1, epsilon: 0 } as const
      const drawn = yield* Stream.fromIterable([groupOf("d")]).pipe(
        Stages.draws({ batchSize: 3, seed: 5, strategy, beta: { from: 0.5, to: 1, over: 0 } }),
        Stream.runCollect
      )
      const weights = drawn
        .flat()
        .map(({ importance, trajectory }) => [trajectory.task.id, importance] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
      assert.deepStrictEqual(weights, [
        ["a", 1 / 8],
        ["b", 1],
        ["c", 1]
      ])
    }).pipe(inMemory)
  )
})
