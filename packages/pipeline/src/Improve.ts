/**
 * The fourth phase: iterations of tasks, rollouts, filter, buffer and update, as one Stream.
 * The same code improves a policy in dreams and, for comparison, in the real world; only the layers differ.
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
import {
  FilterMetrics,
  GroupRules,
  QualityFilter,
  SyntheticEnvironment
} from "@dreamgym/experience"
import { Stages } from "@dreamgym/replay"
import { Rollout } from "@dreamgym/rollout"
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
  readonly minAcceptRate: number
  readonly stepLimit: number
  readonly seed: number
}

/**
 * What one iteration dreamt, kept and learnt. `rejected` counts by reason, `filter` are the metrics of all verdicts
 * (`FilterMetrics`). `heldBack` and `groups` together are all trajectories, each with its iteration and its verdict.
 */
export interface Iteration {
  readonly iteration: number
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
  readonly update: Learner.UpdateStats | undefined
}

type Services =
  | Curriculum.Curriculum
  | Policy.Policy
  | Environment.Environments
  | Filter.QualityFilter
  | ReplayBuffer.ReplayBuffer
  | Learner.Learner

/** Iterations `from` to `to`, one after another: deterministic, resumable, and interruptible between any two steps. */
export const iterations = (
  options: Options
): Stream.Stream<
  Iteration,
  | TooFewAccepted
  | Filter.QualityFilterError
  | Curriculum.TaskGeneratorError
  | ReplayBuffer.ReplayBufferError
  | Learner.LearnerError,
  Services
> =>
  Stream.fromIterable(
    Array.from({ length: options.to - options.from }, (_, i) => options.from + i)
  ).pipe(
    Stream.mapEffect((iteration) =>
      Effect.map(proposed(options, iteration), (tasks) => ({ iteration, tasks }))
    ),
    Stream.mapEffect(({ iteration, tasks }) => experienced(options, iteration, tasks)),
    Stream.tap((dreamt) => enough(options, dreamt)),
    Stream.tap(({ credible }) =>
      Curriculum.Curriculum.use((curriculum) => curriculum.observe(credible))
    ),
    Stream.mapEffect(learnt)
  )

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
    return { iteration, heldBack, credible, groups, ...countsOf(accepted, heldBack) }
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

type Experienced = Omit<Iteration, "update">

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
  dreamt: Experienced
): Effect.Effect<Iteration, Learner.LearnerError, Learner.Learner> =>
  Learner.Learner.use((learner) => learner.update(dreamt.groups)).pipe(
    Effect.map((update): Iteration => ({ ...dreamt, update })),
    Effect.catch((error) =>
      error.reason === "NoTokens"
        ? Effect.succeed<Iteration>({ ...dreamt, update: undefined })
        : Effect.fail(error)
    )
  )
