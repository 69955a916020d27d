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
  type ReplayBuffer,
  Seed,
  type Task,
  type Trajectory
} from "@dreamgym/domain"
import { QualityFilter, SyntheticEnvironment } from "@dreamgym/experience"
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
  readonly minAcceptRate: number
  readonly stepLimit: number
  readonly seed: number
}

/** What one iteration dreamt, kept and learnt. `rejected` counts by reason. */
export interface Iteration {
  readonly iteration: number
  readonly trajectories: number
  readonly transitions: number
  /** Tokens that the policy read and wrote. */
  readonly tokens: number
  readonly accepted: number
  readonly rejected: Readonly<Record<string, number>>
  readonly heldBack: ReadonlyArray<QualityFilter.HeldBack>
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
    Stream.tap(({ groups }) =>
      Curriculum.Curriculum.use((curriculum) => curriculum.observe(groups))
    ),
    Stream.mapEffect(learnt)
  )

const proposed = ({ seed, tasksPerIteration }: Options, iteration: number) =>
  Curriculum.Curriculum.use((curriculum) =>
    curriculum.propose(tasksPerIteration, Seed.key(seed, "proposal", iteration))
  )

/** Rollouts of all tasks in one lock-step wave, filtered and stored. A task that comes again is dreamt anew. */
const experienced = Effect.fn("Improve.experienced")(
  function* (options: Options, iteration: number, tasks: ReadonlyArray<Task.Task>) {
    const { groupSize, minGroupSize, seed, stepLimit } = options
    const heldBack: Array<QualityFilter.HeldBack> = []
    const played: Array<Trajectory.Trajectory> = []
    const groups = yield* Stream.fromIterable(tasks).pipe(
      Rollout.groups({ groupSize, waveSize: tasks.length, stepLimit, seed, firstWave: iteration }),
      Stream.tap((group) => Effect.sync(() => void played.push(...group.trajectories))),
      QualityFilter.gate({
        minGroupSize,
        report: (one) => Effect.sync(() => void heldBack.push(one))
      }),
      Stages.through,
      Stream.runCollect
    )
    const accepted = groups.reduce((sum, group) => sum + group.trajectories.length, 0)
    const rejected = rejections(heldBack)
    const steps = played.flatMap(({ transitions }) => transitions)
    return {
      iteration,
      trajectories: played.length,
      transitions: steps.length,
      tokens: steps.reduce((sum, { action }) => sum + tokensOf(action), 0),
      accepted,
      rejected,
      heldBack,
      groups
    }
  },
  (effect, { seed }, iteration) =>
    Effect.provideService(effect, SyntheticEnvironment.DreamKey, Seed.key(seed, "dream", iteration))
)

const tokensOf = ({ span }: Trajectory.Action): number =>
  span === undefined ? 0 : span.promptIds.length + span.ids.length

const rejections = (heldBack: ReadonlyArray<QualityFilter.HeldBack>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const one of heldBack) {
    const [reason, count] =
      one._tag === "RejectedTrajectory"
        ? [one.reason, 1]
        : ["SmallGroup", one.group.trajectories.length]
    if (count > 0) counts[reason] = (counts[reason] ?? 0) + count
  }
  return counts
}

type Experienced = Omit<Iteration, "update">

const enough = (
  { minAcceptRate }: Options,
  { accepted, iteration, rejected, trajectories }: Experienced
) =>
  accepted >= minAcceptRate * trajectories
    ? Effect.void
    : Effect.fail(
        new TooFewAccepted({
          iteration,
          message:
            `only ${accepted} of ${trajectories} trajectories of iteration ${iteration} were accepted ` +
            `(${Object.entries(rejected)
              .map(([reason, n]) => `${reason} ${n}`)
              .join(", ")}); ` +
            "train the experience model longer or on more exploration, or lower train.minAcceptRate"
        })
      )

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
