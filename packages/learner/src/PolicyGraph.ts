/**
 * The graphs of policy gradients over decisions of any model, and reading a model without learning.
 * It makes no update by itself.
 *
 * B decisions of a part, K tokens of a decision.
 */
import { Op, type Parameters, Session, Value } from "@dreamgym/graph"
import { DecoderModel, type Rows } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Scope from "effect/Scope"
import * as Loss from "./Loss.ts"
import { type Model, nameOf, type Shape } from "./Model.ts"
import type * as ParallelStep from "./ParallelStep.ts"

type Weights = ReturnType<typeof DecoderModel.weightsOf>

const scoresOf = <Row, Of extends Shape>(model: Model<Row, Of>, weights: Weights, shape: Of) => {
  const reading = model.reading(weights, shape)
  return { ...reading, scores: Loss.scores(reading.logitsBKV, reading.targetBK, reading.weightBK) }
}

/** The loss of decisions over the model, with what it reports. */
export const graphOf = <Row, Of extends Shape>(
  model: Model<Row, Of>,
  weights: Weights,
  options: Loss.PolicyLossOptions,
  shape: Of
): ParallelStep.PartGraph => {
  const column = (name: string) => Op.input(name, [shape.batch])
  const { scores, valueB } = scoresOf(model, weights, shape)
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
export const scorer = Effect.fnUntraced(function* <Row, Of extends Shape>(
  model: Model<Row, Of>,
  parameters: Parameters.Parameters,
  at: { readonly worker?: number }
) {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const made = new Map<string, Session.Session>()
  const compiled = (shape: Of) => {
    const { scores } = scoresOf(model, DecoderModel.weightsOf(parameters), shape)
    const names = Value.inputsOf([scores.logProbabilityB]).map((input) => input.attributes.name)
    const bind = Record.filter(parameters.arrays, (_: Float32Array, name) => names.includes(name))
    return pool.compile({ logProbability: scores.logProbabilityB }, { bind, ...at })
  }
  return Effect.fnUntraced(function* (shape: Of, feeds: Rows.Feeds) {
    const key = nameOf(shape)
    const session =
      made.get(key) ?? (yield* Effect.provideService(compiled(shape), Scope.Scope, scope))
    made.set(key, session)
    const { logProbability } = yield* session.run(
      Record.filter(feeds, (_, name) => name in session.inputs)
    )
    return logProbability ?? new Float32Array(0)
  })
})
