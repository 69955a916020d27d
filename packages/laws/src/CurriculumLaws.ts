/**
 * The laws of a curriculum: which tasks it may propose, what it must forget, and that its records are all of its state.
 * They do not say whether its order is a good one; that is measured.
 */
import { Curriculum, Ending, type Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { forAll, holds, law, same, type Suite } from "./Law.ts"

/**
 * `curriculum` makes a fresh one, with a task generator that gives the same for the same seeds and key. `pool`: its original tasks; in
 * one of fewer than twenty, failures come again by themselves. `evaluation`: tasks that are none of them, and must never teach. `lambda`: the greatest share of generated tasks in a
 * proposal. `failedShare`: the share of a proposal that tasks get on which every attempt of the last group failed, as far as there are;
 * absent where nothing of the kind is promised.
 */
export interface Options {
  readonly name: string
  readonly curriculum: Effect.Effect<Curriculum.Curriculum["Service"], unknown, Scope.Scope>
  readonly pool: ReadonlyArray<Task.Task>
  readonly evaluation: ReadonlyArray<Task.Task>
  readonly lambda: number
  readonly failedShare?: number
}

export const curriculumLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the curriculum laws`,
  laws: [
    givesWhatIsAsked(options),
    keepsToLambda(options),
    sparesTheEvaluation(options),
    ...(options.failedShare === undefined ? [] : [comesBackToFailures(options)]),
    isDeterministic(options),
    continuesFromItsRecords(options),
    learnsNothingFromFaults(options),
    keepsWholeRecords(options)
  ]
})

/** One round: how many tasks are asked for, and what the attempts at each of them return, in turn. */
interface Round {
  readonly count: number
  readonly key: number
  readonly returns: ReadonlyArray<ReadonlyArray<0 | 1>>
}

const round: fc.Arbitrary<Round> = fc.record({
  count: fc.integer({ min: 1, max: 20 }),
  key: fc.integer(),
  returns: fc.array(fc.array(fc.constantFrom<0 | 1>(0, 1), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 6
  })
})

const rounds = fc.array(round, { maxLength: 6 })

type Own = Curriculum.Curriculum["Service"]

const givesWhatIsAsked = (options: Options) =>
  law(
    "a proposal has as many tasks as were asked for, each of the pool or generated",
    told(options, ({ count }, proposal) =>
      Effect.gen(function* () {
        yield* same("how many were proposed", proposal.length, count)
        const pool = new Set(options.pool.map(nameOf))
        const foreign = proposal.filter((task) => !isGenerated(task) && !pool.has(nameOf(task)))
        yield* same("original tasks that are not of the pool", foreign.map(nameOf), [])
      })
    )
  )

const keepsToLambda = (options: Options) =>
  law(
    "at most the share lambda of a proposal is generated",
    told(options, ({ count }, proposal) => {
      const generated = proposal.filter(isGenerated).length
      return holds(
        generated <= options.lambda * count + 1e-9,
        `${generated} of ${count} were generated, and lambda is ${options.lambda}`
      )
    })
  )

const sparesTheEvaluation = (options: Options) =>
  law(
    "an evaluation task is never proposed nor varied, even where its episodes were observed",
    forAll(rounds, (all) =>
      Effect.gen(function* () {
        const curriculum = yield* options.curriculum
        const names = new Set(options.evaluation.map(nameOf))
        const ids = new Set(options.evaluation.map(({ id }) => id))
        for (const one of all) {
          yield* curriculum.observe(options.evaluation.map((task) => groupOf(task, [0, 1])))
          const proposal = yield* played(curriculum, one)
          const taught = proposal.filter(
            (task) => names.has(nameOf(task)) || (isGenerated(task) && ids.has(parentOf(task)))
          )
          yield* same("evaluation tasks or variations of them", taught.map(nameOf), [])
        }
      })
    )
  )

const comesBackToFailures = ({ curriculum, failedShare = 0, pool }: Options) =>
  law(
    "tasks on which every attempt failed get their share",
    forAll(
      fc.tuple(fc.nat({ max: pool.length }), fc.integer({ min: 1, max: 20 }), fc.integer()),
      ([failures, count, key]) =>
        Effect.gen(function* () {
          const own = yield* curriculum
          yield* own.observe(pool.map((task, i) => groupOf(task, i < failures ? [0, 0] : [1, 1])))
          const failed = new Set(pool.slice(0, failures).map(nameOf))
          const proposal = yield* own.propose(count, key)
          const found = new Set(proposal.map(nameOf).filter((name) => failed.has(name))).size
          const quota = Math.min(failures, Math.floor(failedShare * count + 1e-9))
          yield* holds(found >= quota, `${found} of ${count} had failed, and ${quota} should have`)
        })
    )
  )

const isDeterministic = ({ curriculum }: Options) =>
  law(
    "the same story and keys give the same proposals and records",
    forAll(rounds, (all) =>
      Effect.gen(function* () {
        const [first, second] = [yield* curriculum, yield* curriculum]
        yield* same("the proposals", yield* story(second, all), yield* story(first, all))
        yield* same("the records", yield* second.records, yield* first.records)
      })
    )
  )

const continuesFromItsRecords = ({ curriculum }: Options) =>
  law(
    "one that has the records of another, written and read, goes on as that one does",
    forAll(fc.tuple(rounds, rounds, rounds), ([before, other, after]) =>
      Effect.gen(function* () {
        const unbroken = yield* curriculum
        yield* story(unbroken, before)
        const saved = yield* encode(yield* unbroken.records)
        const resumed = yield* curriculum
        yield* story(resumed, other)
        yield* resumed.restore(yield* decode(saved))
        yield* same("the restored records", yield* resumed.records, yield* unbroken.records)
        yield* same("the proposals", yield* story(resumed, after), yield* story(unbroken, after))
        yield* same("the records", yield* resumed.records, yield* unbroken.records)
      })
    )
  )

const learnsNothingFromFaults = ({ curriculum }: Options) =>
  law(
    "an episode that failed says nothing of its task",
    forAll(rounds, (all) =>
      Effect.gen(function* () {
        const [whole, faulty] = [yield* curriculum, yield* curriculum]
        const expected = yield* story(whole, all)
        yield* same("the proposals", yield* story(faulty, all, withFaults), expected)
        yield* same("the records", yield* faulty.records, yield* whole.records)
      })
    )
  )

const keepsWholeRecords = ({ curriculum }: Options) =>
  law(
    "a record says what was seen of its task: attempts, and the last group's mean",
    forAll(rounds, (all) =>
      Effect.gen(function* () {
        const own = yield* curriculum
        const seen = new Map<string, { attempts: number; meanReturn: number }>()
        for (const one of all) {
          for (const { returns, task } of outcomesOf(yield* played(own, one), one)) {
            const attempts = (seen.get(nameOf(task))?.attempts ?? 0) + returns.length
            seen.set(nameOf(task), { attempts, meanReturn: mean(returns) })
          }
        }
        for (const { attempts, meanReturn, task, variance } of yield* own.records) {
          const expected = seen.get(nameOf(task)) ?? { attempts: 0, meanReturn: 0 }
          yield* same(`the record of ${task.id}`, { attempts, meanReturn }, expected)
          yield* holds(variance >= 0, `the variance of ${task.id} is ${variance}`)
        }
      })
    )
  )

/** In any story: `check` after each proposal. */
const told = (
  { curriculum }: Options,
  check: (one: Round, proposal: ReadonlyArray<Task.Task>) => Effect.Effect<void, unknown>
) =>
  forAll(rounds, (all) =>
    Effect.gen(function* () {
      const own = yield* curriculum
      for (const one of all) yield* check(one, yield* played(own, one))
    })
  )

/** The proposals of a story, by name. */
const story = (
  curriculum: Own,
  all: ReadonlyArray<Round>,
  disturbed: (group: Trajectory.TrajectoryGroup) => Trajectory.TrajectoryGroup = (group) => group
) =>
  Effect.forEach(all, (one) =>
    Effect.map(played(curriculum, one, disturbed), (proposal) => proposal.map(nameOf))
  )

/** What is proposed, after it was played and its outcomes observed. */
const played = Effect.fnUntraced(function* (
  curriculum: Own,
  one: Round,
  disturbed: (group: Trajectory.TrajectoryGroup) => Trajectory.TrajectoryGroup = (group) => group
) {
  const proposal = yield* curriculum.propose(one.count, one.key)
  const groups = outcomesOf(proposal, one).map(({ returns, task }) => groupOf(task, returns))
  yield* curriculum.observe(groups.map(disturbed))
  return proposal
})

/** Each task once, although it may be proposed twice. */
const outcomesOf = (proposal: ReadonlyArray<Task.Task>, { returns }: Round) =>
  [...new Map(proposal.map((task) => [nameOf(task), task])).values()].map((task, i) => ({
    task,
    returns: returns[i % returns.length] ?? []
  }))

const groupOf = (task: Task.Task, returns: ReadonlyArray<0 | 1>): Trajectory.TrajectoryGroup => ({
  task,
  policyVersion: 0,
  trajectories: returns.map((reward, i) => ({
    id: `${task.id}#${i}`,
    task,
    firstObservation: "Here.",
    transitions: [
      {
        observation: "Here.",
        action: { text: "go" },
        reward,
        nextObservation: "There.",
        provenance: { _tag: "Real", environment: task.environment, version: "1" }
      }
    ],
    ending: Ending.terminated(reward === 1),
    policy: "of the law",
    policyVersion: 0
  }))
})

/** Beside each trajectory, its twin that failed and claims the opposite. */
const withFaults = (group: Trajectory.TrajectoryGroup): Trajectory.TrajectoryGroup => ({
  ...group,
  trajectories: group.trajectories.flatMap((trajectory) => [
    trajectory,
    {
      ...trajectory,
      id: `${trajectory.id}-failed`,
      transitions: trajectory.transitions.map((one) => ({ ...one, reward: 1 - one.reward })),
      ending: Ending.failed("Environment", "a fault of the law")
    }
  ])
})

const Saved = Schema.fromJsonString(Schema.Array(Curriculum.TaskRecord))
const encode = Schema.encodeEffect(Saved)
const decode = Schema.decodeEffect(Saved)

const nameOf = (task: Task.Task): string => `${task.environment}\n${task.id}`

const isGenerated = ({ origin }: Task.Task): boolean => origin._tag === "Generated"

const parentOf = ({ origin }: Task.Task): string =>
  origin._tag === "Generated" ? origin.parentId : ""

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
