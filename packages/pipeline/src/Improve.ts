/**
 * The fourth phase: iterations of tasks, rollouts, filter, buffer and update, as one Stream.
 * The same code improves a policy in dreams, in the real world, and in both; only the sources of experience differ.
 */
import {
  Curriculum,
  type Environment,
  Learner,
  type Policy,
  type QualityFilter as Filter,
  ReplayBuffer,
  Seed,
  type Task,
  type Trajectory
} from "@dreamgym/domain"
import * as FilterMetrics from "@dreamgym/experience/quality/FilterMetrics"
import * as GroupRules from "@dreamgym/experience/quality/GroupRules"
import * as QualityFilter from "@dreamgym/experience/QualityFilter"
import * as SyntheticEnvironment from "@dreamgym/experience/SyntheticEnvironment"
import * as Groups from "@dreamgym/learner/Groups"
import * as Stages from "@dreamgym/replay/Stages"
import * as Rollout from "@dreamgym/rollout/Rollout"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** The filter rejects so much that what is left would not be the policy's own experience any more. */
export class TooFewAccepted extends Schema.TaggedError<TooFewAccepted>()("TooFewAccepted", {
  iteration: Schema.Int,
  message: Schema.String
}) {}

export interface Options {
  /** The first iteration (0 for a new run) and the one before which it stops. */
  readonly from: number
  readonly to: number
  readonly tasksPerIteration: number
  readonly groupSize: number
  readonly minGroupSize: number
  /** Which groups have nothing to teach although each of their trajectories may be believed; default: all have. */
  readonly groupRules?: ReadonlyArray<GroupRules.GroupRule>
  /** How many of a group are judged side by side (default 1). */
  readonly judgedAtOnce?: number
  /** How often tasks are played in place of those whose attempts all earned the same (DAPO's dynamic sampling); default 1: never. */
  readonly samplingRounds?: number
  readonly minAcceptRate: number
  readonly stepLimit: number
  readonly seed: number
}

/**
 * What one iteration dreamt or lived, and kept. `rejected` counts by reason, `filter` are the metrics of all verdicts
 * (`FilterMetrics`). `heldBack` and `groups` together are all trajectories, each with its iteration and its verdict.
 */
export interface Experienced {
  readonly iteration: number
  /** All that were played, some perhaps twice. */
  readonly tasks: ReadonlyArray<Task.Task>
  readonly trajectories: number
  readonly transitions: number
  /** Tokens that the policy read and wrote, and that the filter's rules had models read and write. */
  readonly tokens: number
  readonly accepted: number
  readonly rejected: Readonly<Record<string, number>>
  readonly filter: Readonly<Record<string, number>>
  readonly heldBack: ReadonlyArray<QualityFilter.HeldBack>
  /** What may be believed and is enough to compare, before `groupRules`: this says how hard a task is. */
  readonly credible: ReadonlyArray<Trajectory.TrajectoryGroup>
  readonly groups: ReadonlyArray<Trajectory.TrajectoryGroup>
}

/** All that one iteration experienced, what of it came from which source, and what was learnt from it. */
export interface Iteration extends Experienced {
  readonly parts: ReadonlyArray<Experienced & { readonly source: Source["name"] }>
  readonly update: Learner.UpdateStats | undefined
}

/** What a source of experience is made of. */
export type SourceServices =
  | Curriculum.Curriculum
  | Environment.Environments
  | Filter.QualityFilter
  | ReplayBuffer.ReplayBuffer

/**
 * Where experience comes from. `tasks`: how many tasks of an iteration; `afford`: how many of so many more can be paid now (absent:
 * all); `seed` keys its proposals and episodes.
 */
export interface Source {
  readonly name: "dream" | "real"
  readonly tasks: (iteration: number) => Effect.Effect<number>
  readonly afford?: (count: number) => Effect.Effect<number>
  readonly seed: number
  readonly services: Context.Context<SourceServices>
}

type Failure =
  | TooFewAccepted
  | Filter.QualityFilterError
  | Curriculum.TaskGeneratorError
  | ReplayBuffer.ReplayBufferError
  | Learner.LearnerError

/** Iterations in the one source that is provided. */
export const iterations = (
  options: Options
): Stream.Stream<Iteration, Failure, SourceServices | Policy.Policy | Learner.Learner> =>
  Stream.unwrap(
    Effect.map(Effect.context<SourceServices>(), (services) => {
      const tasks = () => Effect.succeed(options.tasksPerIteration)
      return mixed(options, [{ name: "dream", tasks, seed: options.seed, services }])
    })
  )

/**
 * Iterations `from` to `to`, one after another: deterministic, resumable, and interruptible between any two steps. All sources of
 * an iteration are played by the same version of the policy, and learnt from at once. It ends early where no source has a task.
 */
export const mixed = (
  options: Options,
  sources: ReadonlyArray<Source>
): Stream.Stream<Iteration, Failure, Policy.Policy | Learner.Learner> =>
  Stream.fromIterable(
    Array.from({ length: options.to - options.from }, (_, i) => options.from + i)
  ).pipe(
    Stream.mapEffect((iteration) =>
      Effect.forEach(sources, (source) =>
        Effect.map(source.tasks(iteration), (count) => ({ iteration, source, count }))
      )
    ),
    Stream.map((wanted) => wanted.filter(({ count }) => count > 0)),
    Stream.takeWhile((wanted) => wanted.length > 0),
    Stream.mapEffect((wanted) =>
      Effect.forEach(wanted, ({ count, iteration, source }) =>
        Effect.map(
          partOf(options, source, iteration, count).pipe(Effect.provide(source.services)),
          (part) => ({ ...part, source: source.name })
        )
      )
    ),
    Stream.mapEffect(learnt)
  )

/** Rounds of a source, until enough groups have something to compare or there may be no more. */
const partOf = Effect.fnUntraced(function* (
  options: Options,
  { afford = Effect.succeed, seed }: Source,
  iteration: number,
  count: number
) {
  const { samplingRounds = 1 } = options
  const rounds = [yield* roundOf({ ...options, seed, tasksPerIteration: count }, iteration)]
  while (rounds.length < samplingRounds) {
    const { informative } = Groups.informative(rounds.flatMap(({ groups }) => groups))
    const more = yield* afford(Math.max(0, count - informative.length))
    if (more === 0) break
    const key = Seed.key(seed, "round", rounds.length)
    rounds.push(yield* roundOf({ ...options, seed: key, tasksPerIteration: more }, iteration))
  }
  return together(rounds)
})

const roundOf = Effect.fnUntraced(function* (options: Options, iteration: number) {
  const tasks = yield* proposed(options, iteration)
  const part = yield* experienced(options, iteration, tasks)
  yield* enough(options, part)
  yield* Curriculum.Curriculum.use((curriculum) => curriculum.observe(part.credible))
  return part
})

const proposed = ({ seed, tasksPerIteration }: Options, iteration: number) =>
  Curriculum.Curriculum.use((curriculum) =>
    curriculum.propose(tasksPerIteration, Seed.key(seed, "proposal", iteration))
  )

/**
 * Rollouts of all tasks in one lock-step wave, filtered and stored: what is rejected is a record. A task that comes again is dreamt
 * anew.
 */
const experienced = Effect.fn("Improve.experienced")(
  function* (options: Options, iteration: number, tasks: ReadonlyArray<Task.Task>) {
    const { groupRules = [], groupSize, judgedAtOnce = 1, seed, stepLimit } = options
    const smallGroup = GroupRules.smallGroup(options.minGroupSize)
    const heldBack: Array<QualityFilter.HeldBack> = []
    const credible: Array<Trajectory.TrajectoryGroup> = []
    const report = (one: QualityFilter.HeldBack) => Effect.sync(() => void heldBack.push(one))
    const groups = yield* Stream.fromIterable(tasks).pipe(
      Rollout.groups({ groupSize, waveSize: tasks.length, stepLimit, seed, firstWave: iteration }),
      Stream.map((group) => livedIn(iteration, group)),
      QualityFilter.gate({ report, groupRules: [smallGroup], concurrency: judgedAtOnce }),
      Stream.tap((group) => Effect.sync(() => void credible.push(group))),
      QualityFilter.gateGroups({ report, groupRules }),
      Stages.through,
      Stream.runCollect
    )
    const rejected = heldBack.map(({ trajectory }) => trajectory)
    yield* ReplayBuffer.ReplayBuffer.use((buffer) => buffer.add(rejected))
    const accepted = groups.flatMap(({ trajectories }) => trajectories)
    return { iteration, tasks, heldBack, credible, groups, ...countsOf(accepted, heldBack) }
  },
  (effect, { seed }, iteration) =>
    Effect.provideService(effect, SyntheticEnvironment.DreamKey, Seed.key(seed, "dream", iteration))
)

const livedIn = (
  iteration: number,
  group: Trajectory.TrajectoryGroup
): Trajectory.TrajectoryGroup => ({
  ...group,
  trajectories: group.trajectories.map((trajectory) => ({ ...trajectory, iteration }))
})

const countsOf = (
  accepted: ReadonlyArray<Trajectory.Trajectory>,
  heldBack: ReadonlyArray<QualityFilter.HeldBack>
) => {
  const all = [...accepted, ...heldBack.map(({ trajectory }) => trajectory)]
  const steps = all.flatMap(({ transitions }) => transitions)
  const acted = steps.reduce((sum, { action }) => sum + tokensOf(action), 0)
  const byReason = Map.groupBy(heldBack, ({ reason }) => reason)
  return {
    trajectories: all.length,
    transitions: steps.length,
    tokens: acted + FilterMetrics.tokens(all),
    accepted: accepted.length,
    rejected: Object.fromEntries([...byReason].map(([reason, list]) => [reason, list.length])),
    filter: FilterMetrics.metrics(all)
  }
}

const tokensOf = ({ span }: Trajectory.Action): number =>
  span === undefined ? 0 : span.promptIds.length + span.ids.length

/** What is believed counts here: that a policy always wins or never does is no fault of the experience model. */
const enough = (
  { minAcceptRate }: Options,
  { credible, iteration, rejected, trajectories }: Experienced
) => {
  const believed = credible.reduce((sum, group) => sum + group.trajectories.length, 0)
  if (believed >= minAcceptRate * trajectories) return Effect.void
  const reasons = Object.entries(rejected).map(([reason, count]) => `${reason} ${count}`)
  return Effect.fail(
    new TooFewAccepted({
      iteration,
      message:
        `only ${believed} of ${trajectories} trajectories of iteration ${iteration} were accepted ` +
        `(${reasons.join(", ")}); ` +
        "train the experience model longer or on more exploration, or lower train.minAcceptRate"
    })
  )
}

/** An iteration in which no group has anything to teach is skipped, not failed: GRPO meets it when all returns are equal. */
const learnt = (
  parts: Iteration["parts"]
): Effect.Effect<Iteration, Learner.LearnerError, Learner.Learner> =>
  Learner.Learner.use((learner) => learner.update(parts.flatMap(({ groups }) => groups))).pipe(
    Effect.map((update): Iteration => ({ ...together(parts), parts, update })),
    Effect.catch((error) =>
      error.reason === "NoTokens"
        ? Effect.succeed<Iteration>({ ...together(parts), parts, update: undefined })
        : Effect.fail(error)
    )
  )

const together = (parts: ReadonlyArray<Experienced>): Experienced => {
  const groups = parts.flatMap((part) => part.groups)
  const heldBack = parts.flatMap((part) => part.heldBack)
  return {
    iteration: parts[0]?.iteration ?? 0,
    tasks: parts.flatMap(({ tasks }) => tasks),
    heldBack,
    credible: parts.flatMap(({ credible }) => credible),
    groups,
    ...countsOf(
      groups.flatMap(({ trajectories }) => trajectories),
      heldBack
    )
  }
}
