/**
 * From decisions to what enters the losses: normalised advantages, what the ratio is over, what the
 * reference says, and importance weights.
 *
 * A tokens of a decision.
 */
import * as Effect from "effect/Effect"
import { whitened } from "./Advantage.ts"
import type { Entry } from "./Columns.ts"
import { type CorrectionOptions, weightsOf } from "./Correction.ts"
import type { Decision } from "./Decisions.ts"
import type { EngineFailure } from "./Errors.ts"
import type { Model, Shape } from "./Model.ts"
import type { AdaptiveKl } from "./Penalty.ts"
import type { Reader } from "./PolicyGraph.ts"

/** What can be read of a decision before it is known what it is worth. */
export type Readable<Row> = Pick<Decision<Row>, "oldLogProbabilities" | "row" | "temperature">

/** Of the tokens [A] of a decision; `values` is empty where the model has none for tokens. */
export interface TokensRead {
  readonly logProbabilities: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

/** Which policy is asked: the one in training, or the one that it is kept near. */
export type Asked = "present" | "reference"

/** Reads decisions in chunks of about a minibatch, in their order. */
export interface Reading<Row> {
  readonly read: (
    asked: Asked,
    decisions: ReadonlyArray<Readable<Row>>
  ) => Effect.Effect<ReadonlyArray<TokensRead>, EngineFailure>
}

export const readingOf = <Row, Of extends Shape>(
  model: Model<Row, Of>,
  chunk: number,
  readers: Readonly<Record<Asked, Reader<Of>>>
): Reading<Row> => ({
  read: (asked, decisions) =>
    Effect.map(
      Effect.forEach(chunksOf(decisions, chunk), (part) => readPart(model, readers[asked], part)),
      (parts) => parts.flat()
    )
})

const chunksOf = <A>(all: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.slice(i * size, (i + 1) * size)
  )

const readPart = Effect.fnUntraced(function* <Row, Of extends Shape>(
  model: Model<Row, Of>,
  reader: Reader<Of>,
  part: ReadonlyArray<Readable<Row>>
): Effect.fn.Return<ReadonlyArray<TokensRead>, EngineFailure> {
  const shape = model.shapeOf(part)
  const { logProbabilities, values } = yield* reader(shape, model.feedsOf(part, shape))
  return part.map(({ oldLogProbabilities }, b) => {
    const tokens = (of: Float32Array) =>
      Array.from(of.subarray(b * shape.read, b * shape.read + oldLogProbabilities.length))
    return { logProbabilities: tokens(logProbabilities), values: tokens(values) }
  })
})

export interface EntryOptions {
  readonly klLossCoef: number
  /** To mean 0 and deviation 1: over all decisions of the update (true), or of each minibatch. */
  readonly normalizeAdvantages: boolean | "minibatch"
  /**
   * Decisions may be of an older policy: the ratio is over the policy at the start of the update,
   * and decisions are weighed by that one over the policy that sampled them. Absent: the ratio is
   * over the sampler's policy.
   */
  readonly isCorrection?: CorrectionOptions
  /** The KL coefficients are scaled so that the policy stays about `target` from the reference. */
  readonly adaptiveKl?: AdaptiveKl
}

/** Reads what the options need and the decisions do not say; all before the first minibatch. */
export const entriesOf = Effect.fnUntraced(function* <Row>(
  { read }: Reading<Row>,
  decisions: ReadonlyArray<Decision<Row>>,
  { adaptiveKl, isCorrection, klLossCoef, normalizeAdvantages }: EntryOptions
): Effect.fn.Return<ReadonlyArray<Entry<Row>>, EngineFailure> {
  const isKept = klLossCoef > 0 || adaptiveKl !== undefined
  const isKnown = decisions.every((decision) => decision.referenceLogProbabilities !== undefined)
  const reference = isKept && !isKnown ? yield* read("reference", decisions) : []
  const proximal = isCorrection === undefined ? [] : yield* read("present", decisions)
  const own = normalizeAdvantages === true ? whitened(decisions) : decisions
  return own.map((decision, n) => {
    const baseLogProbabilities = proximal[n]?.logProbabilities ?? decision.oldLogProbabilities
    return {
      ...decision,
      baseLogProbabilities,
      referenceLogProbabilities:
        decision.referenceLogProbabilities ?? reference[n]?.logProbabilities ?? [],
      corrections:
        isCorrection === undefined
          ? []
          : weightsOf({ ...decision, proximalLogProbabilities: baseLogProbabilities }, isCorrection)
    }
  })
})
