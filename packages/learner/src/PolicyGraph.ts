/**
 * The graphs of PPO and GRPO over a minibatch of decisions, and their feeds; one compiled graph per shape.
 * It makes no update by itself.
 *
 * B decisions of a minibatch, K tokens of a decision, V vocabulary.
 */
import { Op, type Optimizer, Session, TrainStep, Value } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows, Tokenizer, type Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import { sizesOf } from "./Batches.ts"
import type { Decision } from "./Decisions.ts"
import * as Loss from "./Loss.ts"

/** What the graph of an update depends on besides its shape. `vfCoef` 0 leaves the critic as it is. */
export interface GraphOptions extends Loss.PolicyLossOptions {
  readonly maxGradNorm: number
  /** The thread of the pool. */
  readonly worker?: number
}

/** A compiled graph and the names of what it is fed. */
export interface Compiled<A> {
  readonly run: A
  readonly names: ReadonlySet<string>
}

export type Memoized<A> = (sizes: Decoder.Sizes) => Effect.Effect<Compiled<A>, Session.SessionError>

/** The shape of a minibatch, rounded up so that few shapes are compiled. */
export const shapeOf = (batch: ReadonlyArray<Decision>): Decoder.Sizes =>
  sizesOf(batch, Rows.bucket(batch.length, 32), 1)

/** Everything that the decisions themselves say; columns of numbers are the caller's. */
export const feedsOf = (
  network: Decoder.Network,
  batch: ReadonlyArray<Decision>,
  sizes: Decoder.Sizes
): Rows.Feeds => {
  const rows = batch.map(({ row }) => row)
  const inverseTemperature = Rows.floats(sizes.batch).fill(1)
  inverseTemperature.set(batch.map(({ temperature }) => 1 / temperature))
  return {
    ...Rows.collate(network, rows, sizes),
    inverseTemperature,
    mask: Rows.choiceMask(network, rows, sizes, Tokenizer.neverSampled)
  }
}

const inputsOf = (
  network: Decoder.Network,
  weights: ReturnType<typeof DecoderModel.weightsOf>,
  sizes: Decoder.Sizes
) => {
  const { batch, read } = sizes
  const { logitsBKV, valueB } = Decoder.forward(network, weights, sizes)
  const scores = Loss.scores(
    logitsBKV,
    Op.input("inverseTemperature", [batch]),
    Op.input("mask", [batch, read, network.tokenizer.vocabulary.length]),
    Op.input("target", [batch, read], "int64"),
    Op.input("weight", [batch, read])
  )
  return { scores, valueB }
}

/** The loss of a minibatch over the network, with what it reports. */
export const definition = (
  { network, parameters }: Trainable.Trainable,
  optimizer: Optimizer.Optimizer,
  options: GraphOptions,
  sizes: Decoder.Sizes
): TrainStep.Definition<string> => {
  const weights = DecoderModel.weightsOf(parameters)
  const column = (name: string) => Op.input(name, [sizes.batch])
  const { scores, valueB } = inputsOf(network, weights, sizes)
  const { loss, metrics } = Loss.policyLoss(
    {
      scores,
      rowB: column("row"),
      advantageB: column("advantage"),
      oldLogProbabilityB: column("oldLogProbability"),
      ...(valueB === undefined || options.vfCoef === 0
        ? {}
        : { critic: { valueB, returnB: column("return"), oldValueB: column("oldValue") } }),
      ...(options.klLossCoef === 0
        ? {}
        : { referenceLogProbabilityB: column("referenceLogProbability") })
    },
    options
  )
  const outputs = Record.map(metrics, (value) => Op.reshape(value, [1]))
  return { loss, outputs, parameters: weights, optimizer, maxGradNorm: options.maxGradNorm }
}

/** Updates of `training` from minibatches, one compiled step per shape. */
export const steps = (
  trainable: Trainable.Trainable,
  training: TrainStep.TrainState,
  optimizer: Optimizer.Optimizer,
  options: GraphOptions
) =>
  memoized((sizes) => {
    const defined = definition(trainable, optimizer, options, sizes)
    const names = namesOf([defined.loss, ...Object.values(defined.outputs)])
    const made = TrainStep.make(defined, training, workerOf(options))
    return Effect.map(made, (run) => ({ run, names }))
  })

/** What a policy that is not trained says of decisions: `logProbability` [B]. */
export const scorers = ({ network, parameters }: Trainable.Trainable, options: GraphOptions) =>
  memoized((sizes) => {
    const { scores } = inputsOf(network, DecoderModel.weightsOf(parameters), sizes)
    const outputs = { logProbability: scores.logProbabilityB }
    const names = namesOf(Object.values(outputs))
    const bind = Record.filter(parameters.arrays, (_: Float32Array, name) => names.has(name))
    return Effect.flatMap(Session.SessionPool, (pool) =>
      Effect.map(pool.compile(outputs, { bind, ...workerOf(options) }), (session) => ({
        run: session.run,
        names
      }))
    )
  })

const workerOf = ({ worker }: GraphOptions) => (worker === undefined ? {} : { worker })

const namesOf = (values: ReadonlyArray<Value.Value>): ReadonlySet<string> =>
  new Set(Value.inputsOf(values).map((input) => input.attributes.name))

/** One compiled graph per shape, in the scope of the learner. */
const memoized = Effect.fnUntraced(function* <A>(
  compile: (
    sizes: Decoder.Sizes
  ) => Effect.Effect<Compiled<A>, Session.SessionError, Session.SessionPool | Scope.Scope>
) {
  const context = yield* Effect.context<Session.SessionPool | Scope.Scope>()
  const made = new Map<string, Compiled<A>>()
  const compiled: Memoized<A> = (sizes) =>
    Effect.suspend(() => {
      const key = `${sizes.batch} ${sizes.prompt} ${sizes.read}`
      const found = made.get(key)
      if (found !== undefined) return Effect.succeed(found)
      return compile(sizes).pipe(
        Effect.provideContext(context),
        Effect.tap((one) => Effect.sync(() => made.set(key, one)))
      )
    })
  return compiled
})
