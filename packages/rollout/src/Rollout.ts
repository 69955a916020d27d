/**
 * The rollout: a policy acts in an environment until the episode ends, and what happened becomes a trajectory.
 * It neither rewards nor judges: a fault is kept as an ending of its own kind, and a defect stays a defect.
 */
import {
  Ending,
  Environment,
  History,
  Lockstep,
  Policy,
  Seed,
  type Task,
  type Trajectory
} from "@dreamgym/domain"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * Bounds of an episode. `stepLimit` counts actions; an episode that reaches it is `Truncated{ StepLimit }`.
 * `policyTimeout` and `stepTimeout` (start included) bound one call each; an overrun is `Failed{ Timeout }`. With a policy that
 * batches, a timeout makes the batches depend on the clock: leave it out where runs must repeat.
 * `retries`: how often a start that failed as `Unavailable` or `Timeout` is tried again, with growing pauses; default 0.
 */
export interface Limits {
  readonly stepLimit: number
  readonly policyTimeout?: Duration.Input
  readonly stepTimeout?: Duration.Input
  readonly retries?: number
}

/** Decision t (from 0) of the episode has the random key `Seed.key(key, "decision", t)`. */
export interface EpisodeOptions extends Limits {
  readonly task: Task.Task
  readonly key: Seed.Key
}

/** `keys[i]` is the key of the episode of `tasks[i]`; a list of another length is a defect. */
export interface WaveOptions extends Limits {
  readonly tasks: ReadonlyArray<Task.Task>
  readonly keys: ReadonlyArray<Seed.Key>
}

/**
 * `groupSize` episodes of each of `waveSize` tasks run side by side. Episode e of wave w has the key
 * `Seed.key(seed, "episode", w, e)`; `firstWave` (default 0) is the number of the first one, for a run that continues.
 */
export interface GroupsOptions extends Limits {
  readonly groupSize: number
  readonly waveSize: number
  readonly seed: number
  readonly firstWave?: number
}

/** Starts that failed, retried or not; the attribute `reason` says why (`EnvironmentError`). */
export const startFaults = Metric.counter("rollout/start_faults", {
  description: "Starts of an episode that failed",
  incremental: true
})

/** Runs one episode to its end. Faults are endings: it fails never, and dies of defects only. */
export const episode = Effect.fnUntraced(function* (options: EpisodeOptions) {
  const policy = yield* Policy.Policy
  return yield* play(policy, yield* policy.version, options)
})

/**
 * Runs the episodes in lock-step (`Lockstep.wave`): all decisions of a round are one batch. Trajectories in the order of the
 * tasks. The policy's version is read once, before the first decision.
 */
export const wave = Effect.fn("Rollout.wave")(function* (options: WaveOptions) {
  const { keys, tasks, ...limits } = options
  if (keys.length !== tasks.length) {
    return yield* Effect.die(new Error(`a wave of ${tasks.length} tasks got ${keys.length} keys`))
  }
  const policy = yield* Policy.Policy
  const version = yield* policy.version
  return yield* Lockstep.wave(
    tasks.map((task, i) => play(policy, version, { ...limits, task, key: keys[i] ?? 0 }))
  )
})

/**
 * Tasks in, trajectory groups out, in the order of the tasks. All trajectories of a group come from one policy version: the
 * policy may change between waves, not within one.
 */
export const groups =
  (options: GroupsOptions) =>
  <E, R>(
    tasks: Stream.Stream<Task.Task, E, R>
  ): Stream.Stream<Trajectory.TrajectoryGroup, E, R | Policy.Policy | Environment.Environments> =>
    tasks.pipe(
      Stream.grouped(options.waveSize),
      Stream.zipWithIndex,
      Stream.mapEffect(([batch, i]) => groupWave(options, batch, (options.firstWave ?? 0) + i)),
      Stream.flattenIterable
    )

const groupWave = Effect.fnUntraced(function* (
  options: GroupsOptions,
  tasks: ReadonlyArray<Task.Task>,
  index: number
) {
  const { groupSize, seed } = options
  const policy = yield* Policy.Policy
  const policyVersion = yield* policy.version
  const repeated = tasks.flatMap((task) => Array.from({ length: groupSize }, () => task))
  const keys = repeated.map((_, i) => Seed.key(seed, "episode", index, i))
  const trajectories = yield* wave({ ...options, tasks: repeated, keys })
  return tasks.map((task, i) => ({
    task,
    policyVersion,
    trajectories: trajectories.slice(i * groupSize, (i + 1) * groupSize)
  }))
})

/** What is known of an episode so far: kept outside the program, so that a fault loses none of it. */
interface Account {
  firstObservation: string
  readonly transitions: Array<Trajectory.Transition>
}

class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", { message: Schema.String }) {}

const play = Effect.fnUntraced(function* (
  policy: Policy.Policy["Service"],
  policyVersion: number,
  options: EpisodeOptions
) {
  const { key, task } = options
  const account: Account = { firstObservation: "", transitions: [] }
  const ending = yield* live(account, policy, options).pipe(
    Effect.scoped,
    Effect.catchTags({
      EnvironmentError: (error) => Effect.succeed(endingOfEnvironmentError(error)),
      PolicyError: (error) => Effect.succeed(Ending.failed("Policy", error.message)),
      TimedOut: (error) => Effect.succeed(Ending.failed("Timeout", error.message))
    })
  )
  const id = `${task.id}:${policy.name}@${policyVersion}:${key.toString(36)}`
  const made: Trajectory.Trajectory = {
    id,
    task,
    ...account,
    ending,
    policy: policy.name,
    policyVersion
  }
  return made
})

const live = Effect.fnUntraced(function* (
  account: Account,
  policy: Policy.Policy["Service"],
  options: EpisodeOptions
) {
  const { key, policyTimeout, stepLimit, stepTimeout, task } = options
  const { observation, step } = yield* started(options)
  account.firstObservation = observation
  let history = History.start(observation)
  for (let t = 0; t < stepLimit; t++) {
    const decision = { task, history, key: Seed.key(key, "decision", t) }
    const action = yield* within(policy.act(decision), policyTimeout, `policy ${policy.name}`)
    const answer = yield* within(step(action), stepTimeout, `environment ${task.environment}`)
    if (!Number.isFinite(answer.reward)) return notANumber(task.environment, answer.reward)
    account.transitions.push({
      observation: History.observation(history),
      action,
      reward: answer.reward,
      nextObservation: answer.observation,
      provenance: answer.provenance
    })
    if (answer.ending !== undefined) return answer.ending
    history = History.append(history, action.text, answer.observation)
  }
  return Ending.truncated("StepLimit")
})

const started = ({ retries = 0, stepTimeout, task }: EpisodeOptions) => {
  const start: Effect.Effect<
    Environment.Episode,
    Environment.EnvironmentError | TimedOut,
    Environment.Environments | Scope.Scope
  > = Environment.Environments.use((environments) => environments.find(task.environment)).pipe(
    Effect.flatMap((environment) => environment.start(task)),
    (starting) => within(starting, stepTimeout, `start of environment ${task.environment}`),
    Effect.tapError((error) =>
      Metric.update(Metric.withAttributes(startFaults, { reason: reasonOf(error) }), 1)
    )
  )
  if (retries === 0) return start
  const pauses = Schedule.exponential("100 millis")
  return Effect.retry(start, { times: retries, schedule: pauses, while: mayPass })
}

/** An environment that is out of reach may come back; one that does not know the task will not. */
const mayPass = (error: Environment.EnvironmentError | TimedOut): boolean =>
  reasonOf(error) === "Timeout" || reasonOf(error) === "Unavailable"

const reasonOf = (error: Environment.EnvironmentError | TimedOut): string =>
  error._tag === "TimedOut" ? "Timeout" : error.reason

const endingOfEnvironmentError = (error: Environment.EnvironmentError): Ending.Ending =>
  Ending.failed(error.reason === "Timeout" ? "Timeout" : "Environment", error.message)

const notANumber = (environment: string, reward: number): Ending.Ending =>
  Ending.failed("Environment", `${environment} gave the reward ${reward}; it must be finite`)

const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Input | undefined,
  who: string
): Effect.Effect<A, E | TimedOut, R> =>
  duration === undefined
    ? effect
    : Effect.timeoutOrElse(effect, {
        duration,
        orElse: () => {
          const bound = Duration.format(Duration.fromInputUnsafe(duration))
          return Effect.fail(new TimedOut({ message: `${who} took longer than ${bound}` }))
        }
      })
