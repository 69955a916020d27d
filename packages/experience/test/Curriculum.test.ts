import { assert, describe, it } from "@effect/vitest"
import { Curriculum as Contract, Ending, type Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { Curriculum } from "../src/index.ts"
import { boxTask, trajectoryOf } from "./boxes.ts"
import { sameVariations } from "./variations.ts"

const poolOf = (size: number): ReadonlyArray<Task.Task> =>
  Array.from({ length: size }, (_, i) => boxTask(`task ${i}`, "key"))

/** A group with these returns; undefined stands for an episode that failed. */
const groupOf = (
  task: Task.Task,
  returns: ReadonlyArray<number | undefined>
): Trajectory.TrajectoryGroup => ({
  task,
  policyVersion: 0,
  trajectories: returns.map((value, i) =>
    trajectoryOf(
      `${task.id}#${i}`,
      task,
      [["wait", "Time.", value ?? 0]],
      value === undefined ? { ending: Ending.failed("Parse", "?") } : {}
    )
  )
})

/** A generator that never runs dry; `asked` notes what it was asked. */
const plentiful = () => {
  const asked: Array<readonly [seeds: ReadonlyArray<string>, perSeed: number]> = []
  let written = 0
  const generator = Contract.TaskGenerator.of({
    variations: (seeds, { perSeed }) => {
      asked.push([seeds.map((seed) => seed.id), perSeed])
      const made = seeds.flatMap((seed) =>
        Array.from({ length: perSeed }, () => ({
          ...seed,
          id: `new ${written++}`,
          origin: { _tag: "Generated", parentId: seed.id, generation: 1 } as const
        }))
      )
      return Stream.fromIterable(made)
    }
  })
  return { asked, generator }
}

const made = (options: Curriculum.Options, generator = plentiful().generator) =>
  Effect.provideService(Curriculum.make(options), Contract.TaskGenerator, generator)

const ids = (tasks: ReadonlyArray<Task.Task>) => tasks.map((task) => task.id)
const isGenerated = (task: Task.Task) => task.origin._tag === "Generated"

/** Observed outcomes for some tasks of a pool. */
const outcomes = fc.array(
  fc.tuple(fc.nat(11), fc.array(fc.constantFrom(0, 1, undefined), { maxLength: 5 })),
  { maxLength: 15 }
)
const share = fc.double({ min: 0, max: 1, noNaN: true })

describe("Curriculum", () => {
  it.effect("knows the population variance of the last group's returns, faults left out", () =>
    Effect.gen(function* () {
      const pool = poolOf(3)
      const [a, b, c] = pool
      if (a === undefined || b === undefined || c === undefined) return
      const curriculum = yield* made({ pool, lambda: 0 })
      yield* curriculum.observe([groupOf(a, [1, 1, 1]), groupOf(b, [0, 1, undefined, 1, 0])])
      yield* curriculum.observe([groupOf(a, [1, 0, 0, 0]), groupOf(c, [undefined, undefined])])
      assert.deepStrictEqual(yield* curriculum.records, [
        { task: a, attempts: 7, meanReturn: 0.25, variance: 0.1875 },
        { task: b, attempts: 4, meanReturn: 0.5, variance: 0.25 }
      ])
    })
  )

  it.effect("shares the variance within a cluster, and keeps each task's own mean", () =>
    Effect.gen(function* () {
      const pool = poolOf(3)
      const curriculum = yield* made({
        pool,
        lambda: 0,
        cluster: (task) => (task.id === "task 2" ? "alone" : "together")
      })
      yield* curriculum.observe(pool.map((task, i) => groupOf(task, [i === 0 ? 0 : 1])))
      assert.deepStrictEqual(
        (yield* curriculum.records).map(({ meanReturn, variance }) => [meanReturn, variance]),
        [
          [0, 0.25],
          [1, 0.25],
          [1, 0]
        ]
      )
    })
  )

  it.effect("seeds new tasks with those of highest variance above the threshold", () =>
    Effect.gen(function* () {
      const pool = poolOf(5)
      const { asked, generator } = plentiful()
      const curriculum = yield* made(
        { pool, lambda: 0.5, maxSeeds: 2, minVariance: 0.1 },
        generator
      )
      const returns = [
        [0, 0],
        [0, 0, 0, 1],
        [0, 1],
        [1, 1],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 0]
      ]
      yield* curriculum.observe(pool.map((task, i) => groupOf(task, returns[i] ?? [])))
      const proposal = yield* curriculum.propose(10, 1)
      assert.deepStrictEqual(asked, [[["task 2", "task 1"], 3]])
      assert.deepStrictEqual(
        proposal
          .filter(isGenerated)
          .map((task) => task.id)
          .toSorted(),
        ["new 0", "new 1", "new 2", "new 3", "new 4"]
      )
      assert.strictEqual(proposal.length, 10)
    })
  )

  it.effect("asks for no variations where nothing varies, or none are wanted", () =>
    Effect.gen(function* () {
      const pool = poolOf(3)
      const { asked, generator } = plentiful()
      const idle = yield* made({ pool, lambda: 1 }, generator)
      yield* idle.observe(pool.map((task) => groupOf(task, [1, 1])))
      const frugal = yield* made({ pool, lambda: 0.2 }, generator)
      yield* frugal.observe(pool.map((task) => groupOf(task, [0, 1])))
      assert.strictEqual((yield* idle.propose(3, 1)).length, 3)
      assert.strictEqual((yield* frugal.propose(3, 1)).length, 3)
      assert.deepStrictEqual(asked, [])
    })
  )

  it("never exceeds lambda, honours the quota of failed tasks, and always gives what was asked", () =>
    fc.assert(
      fc.asyncProperty(
        outcomes,
        share,
        share,
        fc.integer({ min: 1, max: 30 }),
        fc.integer(),
        (seen, lambda, failedShare, count, key) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const pool = poolOf(12)
              const curriculum = yield* made({ pool, lambda, failedShare })
              yield* curriculum.observe(
                seen.flatMap(([i, returns]) => (pool[i] ? [groupOf(pool[i], returns)] : []))
              )
              const records = yield* curriculum.records
              const failed = new Set(
                records.filter((one) => one.meanReturn === 0).map((one) => one.task.id)
              )
              const proposal = yield* curriculum.propose(count, key)
              const generated = proposal.filter(isGenerated).length
              assert.strictEqual(proposal.length, count)
              assert.isAtMost(generated, lambda * count + 1e-6)
              if (records.some((one) => one.variance > 0.05)) {
                assert.strictEqual(generated, Math.floor(lambda * count + 1e-9))
              }
              const quota = Math.min(
                failed.size,
                Math.floor(failedShare * count),
                count - generated
              )
              const offered = new Set(ids(proposal).filter((id) => failed.has(id)))
              assert.isAtLeast(offered.size, quota)
            })
          )
      )
    ))

  it("offers every task of the pool before any comes again", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 30 }),
        fc.integer(),
        (size, counts, key) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const curriculum = yield* made({ pool: poolOf(size), lambda: 0 })
              const proposals = yield* Effect.forEach(counts, (count, i) =>
                curriculum.propose(count, key + i)
              )
              const offered = ids(proposals.flat())
              const times = poolOf(size).map(
                (task) => offered.filter((id) => id === task.id).length
              )
              assert.isAtMost(Math.max(...times) - Math.min(...times), 1)
            })
          )
      )
    ))

  it("proposes the same for the same key and records, a restored run like an unbroken one", () =>
    fc.assert(
      fc.asyncProperty(outcomes, fc.integer(), fc.nat(4), (seen, key, rounds) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const pool = poolOf(12)
            const fixed = { ...plentiful().generator, variations: sameVariations }
            const options = { pool, lambda: 0.5, failedShare: 0.25 }
            const unbroken = yield* made(options, fixed)
            yield* unbroken.observe(
              seen.flatMap(([i, returns]) => (pool[i] ? [groupOf(pool[i], returns)] : []))
            )
            for (let round = 0; round < rounds; round++) {
              const proposal = yield* unbroken.propose(6, key + round)
              yield* unbroken.observe(proposal.map((task, i) => groupOf(task, [i % 2, 1])))
            }
            const resumed = yield* made(options, fixed)
            yield* resumed.restore(yield* unbroken.records)
            assert.deepStrictEqual(yield* resumed.propose(6, key), yield* unbroken.propose(6, key))
            assert.deepStrictEqual(yield* resumed.records, yield* unbroken.records)
          })
        )
      )
    ))

  it.effect("draws another order for another key", () =>
    Effect.gen(function* () {
      const draws = yield* Effect.forEach([1, 1, 2], (key) =>
        Effect.flatMap(made({ pool: poolOf(20), lambda: 0 }), (one) => one.propose(10, key))
      )
      assert.deepStrictEqual(ids(draws[1] ?? []), ids(draws[0] ?? []))
      assert.notDeepEqual(ids(draws[2] ?? []), ids(draws[0] ?? []))
    })
  )

  it.effect(
    "goes round a small pool, refuses an empty one, and forgets old generated tasks only",
    () =>
      Effect.gen(function* () {
        const [only] = poolOf(1)
        if (only === undefined) return
        const small = yield* made({ pool: [only], lambda: 0 })
        assert.deepStrictEqual(ids(yield* small.propose(3, 1)), ["task 0", "task 0", "task 0"])
        const empty = yield* made({ pool: [], lambda: 0 })
        assert.strictEqual((yield* Effect.flip(empty.propose(1, 1))).reason, "NoSeedTasks")
        const generated = ["x", "y", "z"].map((id): Task.Task => ({
          ...only,
          id,
          origin: { _tag: "Generated", parentId: only.id, generation: 1 }
        }))
        const forgetful = yield* made({ pool: [only], lambda: 0, maxGenerated: 2 })
        yield* forgetful.observe([only, ...generated].map((task) => groupOf(task, [1])))
        assert.deepStrictEqual(
          (yield* forgetful.records).map((record) => record.task.id),
          ["task 0", "y", "z"]
        )
      })
  )
})
