/**
 * What PPO and GRPO share: decisions in minibatches, the clipped losses, epochs, and stopping when the policy has moved too far.
 * Where advantages come from is theirs.
 *
 * B decisions of a minibatch, K tokens of a decision, V vocabulary.
 */
import { Learner, Seed } from "@dreamgym/domain"
import { Op, Optimizer, Session, TrainStep } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows, type Trainable, Weights } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { explainedVariance, normalize } from "./Advantage.ts"
import { sizesOf } from "./Batches.ts"
import type { Decision } from "./Decisions.ts"
import { type EngineFailure, learnerError } from "./Errors.ts"
import * as Loss from "./Loss.ts"

/**
 * `lr` is the learning rate of an update, counted from 0. `targetKl` > 0 ends the epochs once `approx_kl` of a minibatch passes it
 * 1.5 times. `klLossCoef` > 0 needs `reference`. `normalizeAdvantages`: over all decisions of the update.
 */
export interface PolicyGradientOptions extends Loss.PolicyLossOptions {
  readonly lr: (update: number) => number
  readonly ppoEpochs: number
  readonly miniBatchSize: number
  readonly maxGradNorm: number
  readonly targetKl: number
  readonly normalizeAdvantages: boolean
  readonly seed: number
  readonly reference?: Trainable.Trainable
  readonly worker?: number
}

const metricNames = [
  "losses/policy_loss",
  "losses/entropy",
  "losses/kl_to_reference",
  "losses/approx_kl",
  "losses/clipfrac",
  "losses/ratio_max",
  "losses/value_loss"
] as const

export interface Gradient {
  readonly update: (
    decisions: ReadonlyArray<Decision>
  ) => Effect.Effect<Readonly<Record<string, number>>, Learner.LearnerError>
  readonly state: Effect.Effect<Readonly<Record<string, Uint8Array>>, Learner.LearnerError>
  readonly restore: (
    files: Readonly<Record<string, Uint8Array>>
  ) => Effect.Effect<void, Learner.LearnerError>
}

interface Engine {
  readonly trainable: Trainable.Trainable
  readonly options: PolicyGradientOptions
  readonly training: TrainStep.TrainState
  readonly step: (
    sizes: Decoder.Sizes
  ) => Effect.Effect<TrainStep.Step<string>, Session.SessionError>
  readonly reference: (
    sizes: Decoder.Sizes,
    feeds: Rows.Feeds
  ) => Effect.Effect<Float32Array, Session.SessionError>
}

export const make = Effect.fn("PolicyGradient.make")(function* (
  trainable: Trainable.Trainable,
  options: PolicyGradientOptions
): Effect.fn.Return<Gradient, Learner.LearnerError, Session.SessionPool | Scope.Scope> {
  if (options.klLossCoef > 0 && options.reference === undefined) return yield* noReference
  const optimizer = Optimizer.adamW({ beta2: 0.95, weightDecay: 0 })
  const training = TrainStep.begin(trainable.parameters, optimizer)
  const step = yield* memoized((sizes) =>
    TrainStep.make(definition(trainable, optimizer, options, sizes), training, workerOf(options))
  )
  const score = yield* memoized((sizes) => referenceSession(options, sizes))
  const engine: Engine = {
    trainable,
    options,
    training,
    step,
    reference: (sizes, feeds) =>
      options.reference === undefined || options.klLossCoef === 0
        ? Effect.succeed(new Float32Array(sizes.batch))
        : Effect.flatMap(score(sizes), (session) =>
            Effect.map(session.run(feeds), ({ logProbability }) => logProbability)
          )
  }
  return {
    update: (decisions) => Effect.mapError(update(engine, decisions), learnerError),
    state: saved(engine),
    restore: (files) => restored(engine, files)
  }
})

const update = Effect.fnUntraced(function* (engine: Engine, decisions: ReadonlyArray<Decision>) {
  if (decisions.length === 0) return yield* nothing
  const { options, trainable } = engine
  const raw = decisions.map((decision) => decision.advantage)
  const advantages = options.normalizeAdvantages ? normalize(raw) : raw
  const entries = decisions.map((decision, n) => ({ ...decision, advantage: advantages[n] ?? 0 }))
  const rate = options.lr(trainable.version)
  const key = Seed.key(options.seed, "minibatches", trainable.version)
  const reports: Array<Readonly<Record<string, number>>> = []
  for (const batch of minibatches(entries, options, key)) {
    const report = yield* minibatch(engine, batch, rate)
    reports.push(report)
    if (options.targetKl > 0 && (report["losses/approx_kl"] ?? 0) > 1.5 * options.targetKl) break
  }
  trainable.version++
  return {
    ...meanOf(reports),
    "losses/first_ratio_max": reports[0]?.["losses/ratio_max"] ?? Number.NaN,
    "losses/minibatches": reports.length,
    "losses/explained_variance": explainedVariance(
      decisions.map((decision) => decision.oldValue),
      decisions.map((decision) => decision.totalReturn)
    ),
    "charts/learning_rate": rate
  }
})

/** All decisions once per epoch, without replacement; a rest smaller than a quarter of a minibatch joins the one before. */
const minibatches = (
  entries: ReadonlyArray<Decision>,
  { miniBatchSize, ppoEpochs }: PolicyGradientOptions,
  key: Seed.Key
): ReadonlyArray<ReadonlyArray<Decision>> =>
  Array.from({ length: ppoEpochs }, (_, epoch) => {
    const shuffled = Seed.shuffle(Seed.generator(Seed.key(key, "epoch", epoch)), entries)
    const count = Math.max(1, Math.ceil(shuffled.length / miniBatchSize - 0.25))
    const size = Math.ceil(shuffled.length / count)
    return Array.from({ length: count }, (_, i) => shuffled.slice(i * size, (i + 1) * size))
  }).flat()

const minibatch = Effect.fnUntraced(function* (
  engine: Engine,
  batch: ReadonlyArray<Decision>,
  rate: number
): Effect.fn.Return<Readonly<Record<string, number>>, EngineFailure> {
  const { network } = engine.trainable
  const sizes = sizesOf(batch, Rows.bucket(batch.length, 32), 1)
  const rows = batch.map(({ row }) => row)
  const feeds = {
    ...Rows.collate(network, rows, sizes),
    mask: Rows.choiceMask(network, rows, sizes)
  }
  const column = (of: (decision: Decision) => number) => {
    const values = Rows.floats(sizes.batch)
    values.set(batch.map(of))
    return values
  }
  const referenceLogProbability = yield* engine.reference(sizes, feeds)
  const step = yield* engine.step(sizes)
  const report = yield* step(
    {
      ...feeds,
      row: column(() => 1),
      advantage: column((decision) => decision.advantage),
      return: column((decision) => decision.totalReturn),
      oldValue: column((decision) => decision.oldValue),
      oldLogProbability: column((decision) => decision.oldLogProbability),
      referenceLogProbability
    },
    rate
  )
  const metrics = metricNames.flatMap((name) => {
    const value = report.outputs[name]?.[0]
    return value === undefined ? [] : [[name, value] as const]
  })
  const entries: Record<string, number> = Object.fromEntries(metrics)
  return { ...entries, "losses/grad_norm": report.gradientNorm }
})

const inputsOf = (
  network: Decoder.Network,
  weights: ReturnType<typeof DecoderModel.weightsOf>,
  sizes: Decoder.Sizes
) => {
  const { batch, read } = sizes
  const { logitsBKV, valueB } = Decoder.forward(network, weights, sizes)
  const scores = Loss.scores(
    logitsBKV,
    Op.input("mask", [batch, read, network.tokenizer.vocabulary.length]),
    Op.input("target", [batch, read], "int64"),
    Op.input("weight", [batch, read])
  )
  return { scores, valueB }
}

const definition = (
  { network, parameters }: Trainable.Trainable,
  optimizer: Optimizer.Optimizer,
  options: PolicyGradientOptions,
  sizes: Decoder.Sizes
): TrainStep.Definition<string> => {
  const weights = DecoderModel.weightsOf(parameters)
  const column = (name: string) => Op.input(name, [sizes.batch])
  const { loss, metrics } = Loss.policyLoss(
    {
      ...inputsOf(network, weights, sizes),
      rowB: column("row"),
      advantageB: column("advantage"),
      returnB: column("return"),
      oldValueB: column("oldValue"),
      oldLogProbabilityB: column("oldLogProbability"),
      referenceLogProbabilityB: column("referenceLogProbability")
    },
    options
  )
  const outputs = Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name, Op.reshape(value, [1])])
  )
  return { loss, outputs, parameters: weights, optimizer, maxGradNorm: options.maxGradNorm }
}

const referenceSession = Effect.fnUntraced(function* (
  options: PolicyGradientOptions,
  sizes: Decoder.Sizes
) {
  const pool = yield* Session.SessionPool
  if (options.reference === undefined) return yield* Effect.die("a reference is required")
  const { network, parameters } = options.reference
  const { scores } = inputsOf(network, DecoderModel.weightsOf(parameters), sizes)
  const bind = Object.fromEntries(
    Object.entries(parameters.arrays).filter(([name]) => !name.startsWith("critic."))
  )
  return yield* pool.compile(
    { logProbability: scores.logProbabilityB },
    { bind, ...workerOf(options) }
  )
})

/** One compiled graph per shape, in the scope of the learner. */
const memoized = Effect.fnUntraced(function* <A>(
  compile: (
    sizes: Decoder.Sizes
  ) => Effect.Effect<A, Session.SessionError, Session.SessionPool | Scope.Scope>
) {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const made = new Map<string, A>()
  return (sizes: Decoder.Sizes): Effect.Effect<A, Session.SessionError> =>
    Effect.suspend(() => {
      const key = `${sizes.batch} ${sizes.prompt} ${sizes.read}`
      const found = made.get(key)
      if (found !== undefined) return Effect.succeed(found)
      return compile(sizes).pipe(
        Effect.provideService(Session.SessionPool, pool),
        Effect.provideService(Scope.Scope, scope),
        Effect.tap((one) => Effect.sync(() => made.set(key, one)))
      )
    })
})

const workerOf = (options: PolicyGradientOptions) =>
  options.worker === undefined ? {} : { worker: options.worker }

const meanOf = (reports: ReadonlyArray<Readonly<Record<string, number>>>): Record<string, number> =>
  Object.fromEntries(
    Object.keys(reports[0] ?? {}).map((name) => [
      name,
      reports.reduce((sum, report) => sum + (report[name] ?? 0), 0) / reports.length
    ])
  )

const nothing = Effect.fail(
  new Learner.LearnerError({
    reason: "NoTokens",
    message: "no usable decision in these groups: all failed, or no group has varying returns"
  })
)

const noReference = Effect.fail(
  new Learner.LearnerError({
    reason: "BadState",
    message: "learner.klLossCoef > 0 needs a reference policy"
  })
)

const files = ["policy.safetensors", "optimizer.safetensors"] as const

const saved = ({ trainable, training }: Engine) =>
  Effect.sync(() => ({
    [files[0]]: Weights.encode(trainable.parameters, { version: String(trainable.version) }),
    [files[1]]: Weights.encode(training.state)
  }))

const restored = (
  { trainable, training }: Engine,
  given: Readonly<Record<string, Uint8Array>>
): Effect.Effect<void, Learner.LearnerError> =>
  Effect.gen(function* () {
    const empty = new Uint8Array(0)
    const [policy, optimizer] = [given[files[0]] ?? empty, given[files[1]] ?? empty]
    const { version } = yield* Weights.decodeInto(trainable.parameters, policy, files[0])
    yield* Weights.decodeInto(training.state, optimizer, files[1])
    trainable.version = Number(version ?? 0)
  }).pipe(
    Effect.mapError(
      (cause) => new Learner.LearnerError({ reason: "BadState", message: cause.message, cause })
    )
  )
