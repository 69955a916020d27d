/**
 * The graphs of policy gradients over decisions of any model, and reading a model without learning.
 * It makes no update by itself.
 *
 * B decisions of a part, K tokens of a decision; E is [B] or [B, K].
 */
import { Op, type Parameters, Session, Value } from "@dreamgym/graph"
import { DecoderModel, type Rows } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Scope from "effect/Scope"
import * as Loss from "./Loss.ts"
import { type Model, nameOf, type Reading, type Shape } from "./Model.ts"
import type * as ParallelStep from "./ParallelStep.ts"

type Weights = ReturnType<typeof DecoderModel.weightsOf>

const scoresOf = (reading: Reading): Loss.Scores =>
  Loss.scores(reading.logitsBKV, reading.targetBK, reading.weightBK)

/** The loss of decisions over the model, with what it reports. Its feeds are those of `Columns`. */
export const graphOf = <Row, Of extends Shape>(
  model: Model<Row, Of>,
  weights: Weights,
  options: Loss.PolicyLossOptions,
  shape: Of
): ParallelStep.PartGraph => {
  const reading = model.reading(weights, shape)
  const ofTokens = [shape.batch, shape.read]
  const isOfTokens = options.ratioLevel === "token"
  const column = (name: string) => Op.input(name, isOfTokens ? ofTokens : [shape.batch])
  const rowB = Op.input("row", [shape.batch])
  const tokenMeanBK = Op.input("tokenMean", ofTokens)
  const critic = criticOf(reading, options, shape, { rowB, tokenMeanBK })
  const { loss, metrics } = Loss.policyLoss(
    {
      scores: scoresOf(reading),
      rowB,
      advantageE: column("advantage"),
      oldLogProbabilityE: column("oldLogProbability"),
      policyWeightE: column("policyWeight"),
      ...(isOfTokens
        ? { tokens: { entropyWeightBK: column("tokenWeight"), meanWeightBK: tokenMeanBK } }
        : {}),
      ...(critic === undefined ? {} : { critic }),
      ...(options.klLossCoef === 0
        ? {}
        : {
            reference: {
              logProbabilityE: column("referenceLogProbability"),
              weightE: column("klWeight")
            }
          })
    },
    options
  )
  return { loss, outputs: metrics }
}

const criticOf = (
  { valueB, valueBK }: Reading,
  { advantageLevel, vfCoef }: Loss.PolicyLossOptions,
  { batch, read }: Shape,
  weights: { readonly rowB: Value.Value; readonly tokenMeanBK: Value.Value }
): Loss.Critic | undefined => {
  const isOfTokens = advantageLevel === "token"
  const valueE = isOfTokens ? valueBK : valueB
  if (valueE === undefined || vfCoef === 0) return undefined
  const column = (name: string) => Op.input(name, isOfTokens ? [batch, read] : [batch])
  return {
    valueE,
    oldValueE: column("oldValue"),
    returnE: column("return"),
    weightE: isOfTokens ? weights.tokenMeanBK : weights.rowB
  }
}

/** What was read of one part: [B, K] each, values only where the model has them for tokens. */
export interface Read {
  readonly logProbabilities: Float32Array
  readonly values: Float32Array
}

/** Reads a part under parameters that the reading does not change; one graph per shape. */
export type Reader<Of extends Shape> = (
  shape: Of,
  feeds: Rows.Feeds
) => Effect.Effect<Read, Session.SessionError>

/** No model has a parameter of such a name. */
const logProbabilitiesName = "read: log-probabilities"
const valuesName = "read: values"

export const reader = Effect.fnUntraced(function* <Row, Of extends Shape>(
  model: Model<Row, Of>,
  parameters: Parameters.Parameters,
  at: { readonly worker?: number }
): Effect.fn.Return<Reader<Of>, never, Session.SessionPool | Scope.Scope> {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const made = new Map<string, Session.Session>()
  const compiled = (shape: Of) => {
    const reading = model.reading(DecoderModel.weightsOf(parameters), shape)
    const { valueBK } = reading
    const values: Readonly<Record<string, Value.Value>> = {
      [logProbabilitiesName]: scoresOf(reading).logProbabilityBK,
      ...(valueBK === undefined ? {} : { [valuesName]: valueBK })
    }
    const names = Value.inputsOf(Object.values(values)).map((input) => input.attributes.name)
    const bind = Record.filter(parameters.arrays, (_: Float32Array, name) => names.includes(name))
    return pool.compile(values, { bind, ...at })
  }
  return Effect.fnUntraced(function* (shape: Of, feeds: Rows.Feeds) {
    const key = nameOf(shape)
    const session =
      made.get(key) ?? (yield* Effect.provideService(compiled(shape), Scope.Scope, scope))
    made.set(key, session)
    const read = yield* session.run(Record.filter(feeds, (_, name) => name in session.inputs))
    const none = new Float32Array(0)
    return {
      logProbabilities: read[logProbabilitiesName] ?? none,
      values: read[valuesName] ?? none
    }
  })
})
