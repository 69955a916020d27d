/**
 * The graphs of PPO and GRPO over decisions, and their feeds.
 * It makes no update by itself.
 *
 * B decisions of a minibatch, K tokens of a decision, V vocabulary.
 */
import { Op, Session, Value } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows, Tokenizer, type Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Scope from "effect/Scope"
import type { Decision } from "./Decisions.ts"
import * as Loss from "./Loss.ts"
import type * as ParallelStep from "./ParallelStep.ts"

type Weights = ReturnType<typeof DecoderModel.weightsOf>

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

const inputsOf = (network: Decoder.Network, weights: Weights, sizes: Decoder.Sizes) => {
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

/** The loss of decisions over the network, with what it reports. */
export const graphOf = (
  network: Decoder.Network,
  weights: Weights,
  options: Loss.PolicyLossOptions,
  sizes: Decoder.Sizes
): ParallelStep.PartGraph => {
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
  return { loss, outputs: metrics }
}

/**
 * What a policy that is not trained says of decisions: `logProbability` [B], one compiled graph per
 * shape.
 */
export const scorer = Effect.fnUntraced(function* (
  { network, parameters }: Trainable.Trainable,
  at: { readonly worker?: number }
) {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const made = new Map<string, Session.Session>()
  const compiled = (sizes: Decoder.Sizes) => {
    const { scores } = inputsOf(network, DecoderModel.weightsOf(parameters), sizes)
    const names = Value.inputsOf([scores.logProbabilityB]).map((input) => input.attributes.name)
    const bind = Record.filter(parameters.arrays, (_: Float32Array, name) => names.includes(name))
    return pool.compile({ logProbability: scores.logProbabilityB }, { bind, ...at })
  }
  return Effect.fnUntraced(function* (sizes: Decoder.Sizes, feeds: Rows.Feeds) {
    const key = `${sizes.batch} ${sizes.prompt} ${sizes.read}`
    const session =
      made.get(key) ?? (yield* Effect.provideService(compiled(sizes), Scope.Scope, scope))
    made.set(key, session)
    const { logProbability } = yield* session.run(
      Record.filter(feeds, (_, name) => name in session.inputs)
    )
    return logProbability ?? new Float32Array(0)
  })
})
