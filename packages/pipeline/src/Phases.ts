/**
 * The phases of a run between the stages' own modules and the run log: timed, told, and stopped where a bound is broken.
 */
import { Ending, type RunEvent, Seed, type Task, type Trajectory } from "@dreamgym/domain"
import * as Calibration from "@dreamgym/experience/Calibration"
import type * as Fidelity from "@dreamgym/experience/Fidelity"
import type * as QualityFilter from "@dreamgym/experience/QualityFilter"
import type * as Tokenizer from "@dreamgym/language/Tokenizer"
import type * as Trainable from "@dreamgym/language/Trainable"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Arm from "./Arm.ts"
import type * as Buffers from "./Buffers.ts"
import * as Clone from "./Clone.ts"
import * as Collect from "./Collect.ts"
import type { Config } from "./Config.ts"
import * as Counters from "./Counters.ts"
import * as Curve from "./Curve.ts"
import * as Dream from "./Dream.ts"
import * as Evaluate from "./Evaluate.ts"
import * as Fit from "./Fit.ts"
import * as Improve from "./Improve.ts"
import { policyOf } from "./Networks.ts"
import * as Prefer from "./Prefer.ts"
import { type Prepared, startOf } from "./Prepared.ts"
import * as Refresh from "./Refresh.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { RunLog } from "./RunLog.ts"
import { signals } from "./Signals.ts"
import * as Sources from "./Sources.ts"
import type { World } from "./World.ts"

/** Tells when a phase begins and ends. `spent`: the seconds that an earlier process gave to it. */
export const phase = <A, E, R>(
  name: RunEvent.Phase,
  work: Effect.Effect<A, E, R>,
  spent = 0
): Effect.Effect<A, E, R | RunLog> =>
  Effect.gen(function* () {
    const log = yield* RunLog
    const start = yield* Clock.currentTimeMillis
    yield* log.emit({ _tag: "PhaseStarted", phase: name })
    const done = yield* work
    const seconds = spent + ((yield* Clock.currentTimeMillis) - start) / 1000
    yield* log.emit({ _tag: "PhaseFinished", phase: name, seconds })
    return done
  })

/** Tells how a whole run ended, early or not: what stopped it is its last event, as far as the log can still be written. */
export const whole = <A, E extends { readonly message: string }, R>(
  run: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | RunLog> =>
  Effect.gen(function* () {
    const log = yield* RunLog
    const start = yield* Clock.currentTimeMillis
    const stopped = (cause: Cause.Cause<E>) =>
      Effect.ignoreCause(log.emit({ _tag: "RunStopped", reason: reasonOf(cause) }))
    const done = yield* Effect.onError(run, stopped)
    const seconds = ((yield* Clock.currentTimeMillis) - start) / 1000
    yield* log.emit({ _tag: "RunFinished", seconds })
    return done
  })

const reasonOf = (cause: Cause.Cause<{ readonly message: string }>): string => {
  if (Cause.hasInterrupts(cause)) return "interrupted"
  const error = Cause.squash(cause)
  return Predicate.hasProperty(error, "message") ? String(error.message) : String(error)
}

/** Real experience, kept in the run's directory. */
export const collected = Effect.fn("Phases.collected")(function* (world: World, config: Config) {
  const offline = yield* Collect.collect(world, config)
  yield* Collect.keep(offline)
  return offline
})

export const fittedAndMeasured = Effect.fn("Phases.fittedAndMeasured")(function* (
  lived: Buffers.Lived,
  tokenizer: Tokenizer.Tokenizer
) {
  const fitted = yield* Fit.fit(lived, tokenizer)
  return { ...fitted, fidelity: yield* Fit.measure(fitted, lived) }
})

/** The baselines; `train.start` says which of them dreaming starts from. */
export const cloned = Effect.fn("Phases.cloned")(function* (
  { config, offline, world }: Buffers.Lived,
  tokenizer: Tokenizer.Tokenizer
) {
  const of = (subject: Clone.Subject) => Clone.clone(subject, world, tokenizer, config)
  const first = yield* of({ name: "cloned", trajectories: offline.demonstrations })
  const isWanted = config.evaluate.clonedPlus || config.train.start === "cloned+"
  const clonedPlus = isWanted
    ? yield* of({
        name: "cloned+",
        trajectories: offline.train,
        ...Clone.anchorOf(first, config)
      })
    : undefined
  return { cloned: first, clonedPlus }
})

/** The same policy in dream and reality; a model outside the bounds stops the run with advice, before anything is learnt. */
export const calibrated = Effect.fn("Phases.calibrated")(function* (
  prepared: Prepared,
  dreaming: Dream.Dreaming,
  fidelity: Fidelity.Fidelity
) {
  const { config, world } = dreaming
  const log = yield* RunLog
  const { environment } = yield* Dream.synthetic(dreaming)
  const shards = config.engine.workers
  const start = startOf(prepared, config)
  const policy = yield* Evaluate.policyOf(start.name, start.trainable, world, {
    temperature: 1,
    shards
  })
  const episodes = yield* Dream.both(policy, dreaming, environment)
  const calibration = Calibration.calibrate(episodes, () => world.knowledge)
  const probed = config.health.probes
    ? yield* Refresh.probe(dreaming, episodes.real, Seed.key(config.seed, "probe"))
    : {}
  const metrics = {
    ...Calibration.metrics(calibration),
    ...probed,
    "calibration/realTransitions": Collect.transitionsOf(episodes.real)
  }
  yield* log.emit({ _tag: "MeasuredCalibration", metrics })
  const { tasks: _, ...bounds } = config.calibration
  const { maxFalseSuccess, minNextStateExact } = config.fidelity
  const unfit = Calibration.unfit(
    Calibration.verdict(
      { calibration, fidelity },
      { ...bounds, maxFalseSuccess, minNextStateExactKnown: minNextStateExact }
    )
  )
  if (unfit !== undefined) return yield* unfit
}, Effect.scoped)

/** One iteration, told; some of its trajectories are kept for people to read. */
export const reported = Effect.fn("Phases.reported")(function* (
  iteration: Improve.Iteration,
  sources: Pick<Sources.Sources, "arm" | "curriculum" | "newSteps" | "newTokens">,
  config: Config
) {
  const { arm, curriculum, newSteps, newTokens } = sources
  const log = yield* RunLog
  const directory = yield* RunDirectory
  const { accepted, trajectories, update } = iteration
  const at = iteration.iteration + 1
  for (const { message, reason, trajectory } of examplesOf(iteration.heldBack)) {
    const { id: task } = trajectory.task
    yield* log.emit({ _tag: "RejectedTrajectory", iteration: at, task, reason, message })
  }
  for (const part of iteration.parts) {
    yield* log.emit(
      part.source === "dream"
        ? dreamtGroups(part, at, yield* newTokens)
        : livedGroups(part, at, yield* newSteps)
    )
  }
  if (update !== undefined) {
    const { metrics, policyVersion } = update
    yield* log.emit({ _tag: "UpdatedPolicy", iteration: at, policyVersion, metrics })
  }
  yield* log.emit({
    _tag: "PhaseProgressed",
    phase: "dream",
    done: at,
    total: arm.iterations,
    metrics: {
      "dream/success_rate": update?.metrics["charts/success_rate"] ?? 0,
      "dream/accept_rate": accepted / Math.max(1, trajectories),
      ...signals(iteration.parts),
      ...(yield* curriculum(iteration.parts)),
      ...iteration.filter
    }
  })
  if (isDue(at, config)) yield* directory.saveTrajectories(`dreams-${at}`, shown(iteration.groups))
})

const dreamtGroups = (
  { accepted, rejected, tokens, trajectories, transitions }: Improve.Experienced,
  iteration: number,
  newTokens: number
): RunEvent.RunEvent => ({
  _tag: "DreamtGroups",
  iteration,
  trajectories,
  transitions,
  accepted,
  rejected,
  tokens: tokens + newTokens
})

const livedGroups = (
  { accepted, groups, rejected, tokens, trajectories }: Improve.Experienced,
  iteration: number,
  transitions: number
): RunEvent.RunEvent => ({
  _tag: "LivedGroups",
  iteration,
  trajectories,
  transitions,
  accepted,
  successes: groups
    .flatMap((group) => group.trajectories)
    .filter(({ ending }) => Ending.isSuccess(ending)).length,
  rejected,
  tokens
})

/** So many rejections of each reason are told in full; `DreamtGroups` counts them all. */
const toldOfEach = 2

const longestMessage = 300

/** The first rejections of each reason, their messages cut: what a run says of one iteration is bounded. */
const examplesOf = (heldBack: ReadonlyArray<QualityFilter.HeldBack>) => {
  const byReason = Map.groupBy(heldBack, ({ reason }) => reason)
  return [...byReason.values()]
    .flatMap((alike) => alike.slice(0, toldOfEach))
    .map((one) => ({ ...one, message: one.message.slice(0, longestMessage) }))
}

/** Checkpoints fall on multiples, and on the last iteration. */
export const isDue = (iteration: number, config: Config): boolean =>
  iteration % config.train.checkpointEvery === 0 || iteration === Arm.of(config).iterations

/** One of each of the first groups, without the sampled tokens. */
const shown = (
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>
): ReadonlyArray<Trajectory.Trajectory> =>
  groups.slice(0, 8).flatMap(({ trajectories }) => trajectories.slice(0, 1))

/** All policies on the same held-out real tasks. */
export const evaluated = Effect.fn("Phases.evaluated")(function* (
  prepared: Prepared,
  learning: Dream.Learning
) {
  const { config, world } = learning
  const { cloned, clonedPlus, policy } = prepared
  const { name } = Arm.of(config)
  const score = (name: string, trainable: Trainable.Trainable | undefined) =>
    trainable === undefined ? Effect.void : scored(name, trainable, world, world.heldOut, config)
  yield* score("cloned", cloned)
  if (config.evaluate.clonedPlus) yield* score("cloned+", clonedPlus)
  if (config.evaluate.dpo) yield* score("dpo", yield* Prefer.preferred(prepared, learning))
  yield* score(name, policy)
  if (config.evaluate.real && name !== "real") {
    yield* score("real", yield* lived(prepared, { ...learning, config: Arm.baselineOf(config) }))
  }
})

export const scored = Effect.fn("Phases.scored")(function* (
  name: string,
  trainable: Trainable.Trainable,
  world: World,
  tasks: ReadonlyArray<Task.Task>,
  config: Config
) {
  const log = yield* RunLog
  const directory = yield* RunDirectory
  const evaluation = yield* Evaluate.evaluate(name, trainable, world, tasks, config)
  const iteration = Counters.iterationsOf(yield* log.events) ?? Arm.of(config).iterations
  yield* directory.saveEvaluation(evaluation, iteration)
  yield* log.emit({ _tag: "EvaluatedPolicy", evaluation, iteration })
  return evaluation
})

/** The same learner in the real world for as many episodes: the comparison that dreaming must stand. */
const lived = Effect.fn("Phases.lived")(function* (prepared: Prepared, run: Dream.Learning) {
  const { config, world } = run
  const log = yield* RunLog
  const { trainable: reference } = startOf(prepared, config)
  const policy = policyOf(reference, config)
  const arm = Arm.of(config)
  const { all } = yield* Sources.make(run, { arm, spent: 0, keeps: false })
  const learning = Dream.learning(policy, reference, run, {
    purpose: arm.purpose,
    worker: 0,
    shards: config.engine.workers
  })
  const { iterations } = arm
  const trained = { name: "real", phase: "evaluate", trainable: policy, iterations } as const
  const measured = (iteration: number) => Curve.measure(trained, world, config, iteration)
  yield* measured(0)
  yield* Improve.mixed(Dream.improveOptions(config, world, 0, arm.purpose), all).pipe(
    Stream.tap(({ iteration }) => measured(iteration + 1)),
    Stream.runForEach(({ iteration, transitions, update }) =>
      log.emit({
        _tag: "PhaseProgressed",
        phase: "evaluate",
        done: iteration + 1,
        total: iterations,
        metrics: {
          "real/transitions": transitions,
          "real/success_rate": update?.metrics["charts/success_rate"] ?? 0
        }
      })
    ),
    Effect.provide(learning)
  )
  return policy
}, Effect.scoped)
