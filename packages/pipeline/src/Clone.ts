/**
 * The third phase: first policies by imitation, trained to convergence.
 * `cloned` copies all demonstrations; `cloned+` every successful offline trajectory. Both are baselines; `train.start` says which starts the dream.
 */
import { Ending, type Learner, type RunEvent, Seed, type Trajectory } from "@dreamgym/domain"
import * as Session from "@dreamgym/graph/Session"
import type * as Tokenizer from "@dreamgym/language/Tokenizer"
import * as Trainable from "@dreamgym/language/Trainable"
import type * as Anchor from "@dreamgym/learner/Anchor"
import * as Imitation from "@dreamgym/learner/Imitation"
import * as Sft from "@dreamgym/learner/Sft"
import * as LanguagePolicy from "@dreamgym/rollout/LanguagePolicy"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { Config } from "./Config.ts"
import { upAndDown } from "./LearningRate.ts"
import { networkOf } from "./Networks.ts"
import { RunLog } from "./RunLog.ts"
import type { World } from "./World.ts"

/** Whom to copy, under which name; `anchor`: from whom it may not drift far. */
export interface Subject {
  readonly name: string
  readonly trajectories: ReadonlyArray<Trajectory.Trajectory>
  readonly anchor?: Anchor.AnchorOptions
}

/** What holds `cloned+` near `cloned`, as `clone.anchorCoef` says; nothing by default. */
export const anchorOf = (
  cloned: Trainable.Trainable,
  { clone: { anchorCoef } }: Config
): Pick<Subject, "anchor"> =>
  anchorCoef === 0 ? {} : { anchor: { reference: cloned, coefficient: anchorCoef } }

/**
 * All successful ones are cloned, from fresh parameters, for `maxUpdates` updates; where `minUpdates` is less, a first training with a
 * tenth of the trajectories held out finds the number between them.
 */
export const clone = Effect.fn("Clone.clone")(function* (
  subject: Subject,
  world: World,
  tokenizer: Tokenizer.Tokenizer,
  config: Config
) {
  const { name, trajectories } = subject
  const log = yield* RunLog
  const good = trajectories.filter(({ ending }) => Ending.isSuccess(ending))
  const rowsOf = (list: ReadonlyArray<Trajectory.Trajectory>) =>
    list.flatMap((trajectory) =>
      Imitation.rowsOf(trajectory, imitation(world, tokenizer)).map((row) => ({ row }))
    )
  const fresh = () =>
    Trainable.make(
      networkOf(config.clone, world.knowledge, tokenizer, true),
      Seed.key(config.seed, "policy")
    )
  const { maxUpdates, minUpdates } = config.clone
  const kept = () => rowsOf(good.filter((_, i) => i % 10 !== 0))
  const held = () => rowsOf(good.filter((_, i) => i % 10 === 0))
  const updates =
    minUpdates >= maxUpdates
      ? maxUpdates
      : yield* bestUpdates(subject, fresh(), kept(), held(), config)
  const trainable = fresh()
  const stats = yield* Sft.fit(trainable, rowsOf(good), {
    ...optionsOf(config, subject, updates),
    onUpdate: (update, loss) => Effect.as(told(log, name, update, updates, loss), true)
  })
  trainable.version = 0
  yield* log.emit({
    _tag: "ClonedPolicy",
    policy: name,
    updates: stats.updates,
    trajectories: good.length,
    loss: stats.loss
  })
  return trainable
})

/** How a trajectory becomes rows to learn from: with the policy's own prompts. */
export const imitation = (
  world: World,
  tokenizer: Tokenizer.Tokenizer
): Imitation.ImitationOptions => ({
  tokenizer,
  knowledge: world.knowledge,
  prompt: LanguagePolicy.statePrompt
})

/** The learning rate falls to 0 at the last of `updates`: a training that stops before it has come down is not done. */
const optionsOf = (config: Config, { anchor, name }: Subject, updates: number) => {
  const { batchSize, lr } = config.clone
  return {
    updates,
    batchSize,
    schedule: upAndDown(lr, updates, 10),
    weightDecay: 0.02,
    maxGradNorm: 1,
    key: Seed.key(config.seed, `${name} batches`),
    ...(anchor === undefined ? {} : { anchor }),
    worker: 0
  }
}

const every = 20

/**
 * The update with the best held-out accuracy, the later one at a tie; training stops `patience` updates after it. Not the least loss:
 * an overconfident clone loses on that long before it stops getting better. Never fewer than `minUpdates`: a few held-out decisions
 * may look best by chance before the clone can do anything (both measured: docs/log.md).
 */
const bestUpdates = Effect.fnUntraced(function* (
  subject: Subject,
  trainable: Trainable.Trainable,
  train: ReadonlyArray<Sft.Example>,
  held: ReadonlyArray<Sft.Example>,
  config: Config
): Effect.fn.Return<number, Learner.LearnerError, RunLog | Session.SessionPool | Scope.Scope> {
  const log = yield* RunLog
  const pool = yield* Session.SessionPool
  const scope = yield* Effect.scope
  const { batchSize, maxUpdates, minUpdates, patience } = config.clone
  if (held.length === 0) return maxUpdates
  const options = { batchSize, worker: 0, sessions: new Map<string, Session.Session>() }
  let best = { update: maxUpdates, accuracy: Number.NEGATIVE_INFINITY }
  yield* Sft.fit(trainable, train, {
    ...optionsOf(config, subject, maxUpdates),
    onUpdate: (update) =>
      Effect.gen(function* () {
        if (update % every !== 0) return true
        const { accuracy } = yield* Sft.evaluate(trainable, held, options)
        if (accuracy >= best.accuracy) best = { update, accuracy }
        const metric = `${subject.name}/held_out_accuracy`
        yield* log.emit(progress(update, maxUpdates, { [metric]: accuracy }))
        return update - best.update < patience
      }).pipe(
        Effect.provideService(Session.SessionPool, pool),
        Effect.provideService(Scope.Scope, scope)
      )
  })
  return Math.max(best.update, minUpdates)
})

const told = (
  log: RunLog["Service"],
  name: string,
  update: number,
  updates: number,
  loss: number
) =>
  update % every === 0
    ? log.emit(progress(update, updates, { [`${name}/loss`]: loss }))
    : Effect.void

const progress = (
  done: number,
  total: number,
  metrics: Readonly<Record<string, number>>
): RunEvent.RunEvent => ({ _tag: "PhaseProgressed", phase: "clone", done, total, metrics })
