import { assert, describe, it } from "@effect/vitest"
import { Curriculum as Contract, type Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { Curriculum, Growth, TaskScore } from "../src/index.ts"
import { boxTask, trajectoryOf } from "./boxes.ts"

/** Task i is the harder the greater i is. */
const pool = Array.from({ length: 40 }, (_, i) => boxTask(`task ${i}`, "key"))
const difficultyOf = ({ id }: Task.Task): number => Number(/\d+/.exec(id)?.[0])
const growing = { difficultyOf, start: 0.2, target: 0.6 }

const tried = (i: number, meanReturn: number, attempts = 4): Contract.TaskRecord => ({
  task: pool[i] ?? boxTask("none", "key"),
  attempts,
  meanReturn,
  variance: 0
})

const groupOf = (task: Task.Task, returns: ReadonlyArray<number>): Trajectory.TrajectoryGroup => ({
  task,
  policyVersion: 0,
  trajectories: returns.map((value, i) =>
    trajectoryOf(`${task.id}#${i}`, task, [["wait", "Time.", value]], {})
  )
})

const opened = (records: ReadonlyArray<Contract.TaskRecord>) =>
  Growth.opening(pool, growing)(records).map(difficultyOf)

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

describe("a pool that opens", () => {
  it("begins with its easiest tasks", () => {
    assert.deepStrictEqual(opened([]), upTo(8))
  })

  it("opens the next tenth where the hardest open one is mastered, as far as it was tried", () => {
    const hardest = [4, 5, 6].map((i) => tried(i, 0.7))
    assert.deepStrictEqual(opened(hardest), upTo(12))
    assert.deepStrictEqual(opened(hardest.slice(0, 2)), upTo(8))
    assert.deepStrictEqual(opened(hardest.map((one) => ({ ...one, meanReturn: 0.5 }))), upTo(8))
    assert.deepStrictEqual(opened(hardest.map((one) => ({ ...one, attempts: 0 }))), upTo(8))
  })

  it("does not open for what is easy enough already", () => {
    assert.deepStrictEqual(opened(upTo(4).map((i) => tried(i, 1))), upTo(8))
  })

  it("opens whole to who masters all", () => {
    assert.deepStrictEqual(opened(upTo(40).map((i) => tried(i, 1))), upTo(40))
  })

  it("is judged by the last ten tries of a tenth: what a worse agent did before counts no more", () => {
    const wide = Array.from({ length: 200 }, (_, i) => boxTask(`task ${i}`, "key"))
    const found = (early: number, late: number) =>
      Growth.opening(wide, { difficultyOf, start: 0.1, target: 0.6 })(
        wide.slice(0, 20).map((task, i) => ({
          task,
          attempts: 4,
          meanReturn: i < 10 ? early : late,
          variance: 0
        }))
      ).length
    assert.deepStrictEqual([found(0, 0.6), found(1, 0.5)], [40, 20])
  })

  it("opens no tenth before the one below it is mastered, whatever was tried", () => {
    const seen = fc.array(
      fc.tuple(fc.nat(39), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2)),
      { maxLength: 60 }
    )
    fc.assert(
      fc.property(seen, (all) => {
        const records = [...new Map(all.map((one) => [one[0], tried(...one)])).values()]
        const hardest = Math.max(...opened(records))
        for (let tenth = 1; 4 * (tenth + 1) + 3 <= hardest; tenth++) {
          const own = records.filter(
            ({ attempts, task }) => attempts > 0 && Math.floor(difficultyOf(task) / 4) === tenth
          )
          const mean = own.reduce((sum, { meanReturn }) => sum + meanReturn, 0) / own.length
          assert.isAtLeast(own.length, 3)
          assert.isAtLeast(mean, growing.target - 1e-9)
        }
      })
    )
  })

  it("never closes when a mean return rises, and is never empty", () => {
    const returns = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 40,
      maxLength: 40
    })
    fc.assert(
      fc.property(
        returns,
        fc.nat(39),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, at, by) => {
          const before = opened(all.map((one, i) => tried(i, one)))
          const after = opened(
            all.map((one, i) => tried(i, i === at ? Math.min(1, one + by) : one))
          )
          assert.isAtLeast(before.length, 8)
          assert.includeMembers(after, before)
        }
      )
    )
  })
})

const none = Contract.TaskGenerator.of({ variations: () => Stream.empty })
const made = (options: Omit<Curriculum.Options, "pool" | "lambda">) =>
  Effect.provideService(
    Curriculum.make({ pool, lambda: 0, failedShare: 0, ...options }),
    Contract.TaskGenerator,
    none
  )

describe("a growing curriculum", () => {
  it.effect("offers only what is open, and more of it as the agent masters that", () =>
    Effect.gen(function* () {
      const curriculum = yield* made({ growing })
      const hardest: Array<number> = []
      for (const round of upTo(20)) {
        const tasks = yield* curriculum.propose(6, round)
        hardest.push(Math.max(...tasks.map(difficultyOf)))
        yield* curriculum.observe(tasks.map((task) => groupOf(task, [1, 1])))
      }
      assert.isBelow(hardest[0] ?? 99, 8)
      assert.strictEqual(Math.max(...hardest), 39)
    })
  )

  it.effect("stays with what is easy as long as the agent fails there", () =>
    Effect.gen(function* () {
      const curriculum = yield* made({ growing })
      for (const round of upTo(10)) {
        const tasks = yield* curriculum.propose(6, round)
        assert.isBelow(Math.max(...tasks.map(difficultyOf)), 8)
        yield* curriculum.observe(tasks.map((task) => groupOf(task, [0, 0])))
      }
    })
  )

  it.effect("goes on from its records as if nothing had been", () =>
    Effect.gen(function* () {
      const options = { growing, score: "learningProgress", againShare: 0.5 } as const
      const first = yield* made(options)
      for (const round of upTo(5)) {
        const tasks = yield* first.propose(6, round)
        yield* first.observe(tasks.map((task, i) => groupOf(task, [i % 2, 1])))
      }
      const second = yield* made(options)
      yield* second.restore(yield* first.records)
      assert.deepStrictEqual(yield* second.propose(6, 9), yield* first.propose(6, 9))
    })
  )
})

/** The record of a task after groups with these returns, by arithmetic of its own. */
const after = (...groups: ReadonlyArray<ReadonlyArray<number>>): Contract.TaskRecord => {
  const [task = boxTask("none", "key")] = pool
  const records = groups.reduce<ReadonlyArray<Contract.TaskRecord>>(
    (before, returns) => Curriculum.observed(before, [groupOf(task, returns)], undefined, true),
    []
  )
  return records[0] ?? tried(0, 0)
}

describe("the scores of a task", () => {
  const scores = (record: Contract.TaskRecord) =>
    TaskScore.names.map((name) => TaskScore.table[name](record))

  it("are what their definitions say", () => {
    assert.deepStrictEqual(scores(after([1, 0, 0, 0])), [0.1875, 0.375, 0, 0.75])
    assert.deepStrictEqual(scores(after([1, 0], [0, 0, 0, 0])), [0, 0, 0.5, 1])
    assert.deepStrictEqual(scores(after([0, 0], [1, 1, 1, 0])), [0.1875, 0.375, 0.75, 0.25])
  })

  it("are 0 of a task that is always done, or that never was", () => {
    for (const value of [0, 1]) {
      assert.deepStrictEqual(scores(after([value, value], [value, value])), [0, 0, 0, 0])
    }
  })

  it("say which tasks come again", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const curriculum = yield* made({ score: "regret", againShare: 0.5 })
        const [a, b, c] = pool
        if (a === undefined || b === undefined || c === undefined) throw new Error("no pool")
        yield* curriculum.observe([groupOf(a, [1, 0]), groupOf(b, [1, 1]), groupOf(c, [1, 0, 0])])
        const proposed = yield* curriculum.propose(4, 1)
        assert.includeMembers(
          proposed.map(({ id }) => id),
          [a.id, c.id]
        )
        assert.notInclude(
          proposed.map(({ id }) => id),
          b.id
        )
      })
    ))

  it("leave no trace in the records where nobody asks for them", () => {
    const [task = boxTask("none", "key")] = pool
    const records = Curriculum.observed([], [groupOf(task, [1, 0])])
    assert.deepStrictEqual(records, [{ task, attempts: 2, meanReturn: 0.5, variance: 0.25 }])
  })
})
