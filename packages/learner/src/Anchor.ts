/**
 * An anchor for imitation: how far a policy's choices may drift from those of a reference, measured
 * exactly over the allowed tokens of every state. Unlike the penalty of a policy gradient it is no
 * estimate from samples.
 *
 * B rows, K tokens of a row, V vocabulary.
 */
import { Op, Session, type Value } from "@dreamgym/graph"
import { Decoder, DecoderModel, type Rows, Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Scope from "effect/Scope"
import { boundOf } from "./RowScores.ts"

type V = Value.Value

/**
 * `coefficient` > 0 of the divergence in the loss. The reference is copied, so that it stays where
 * it was.
 */
export interface AnchorOptions {
  readonly reference: Trainable.Trainable
  readonly coefficient: number
}

/** The feed of the reference's log-probabilities, [B, K, V]. */
export const feedName = "anchor"

/**
 * KL(policy, reference) in nats: the sum over tokens of p (log p - log q), as a mean over places by
 * weight. Tokens that are masked in both add nothing; a place of one allowed token adds 0.
 */
export const divergence = (logitsBKV: V, referenceBKV: V, weightBK: V): V => {
  const logBKV = Op.logSoftmax(logitsBKV)
  // Both are -1e9 where masked: bounded, so that 0 times their difference stays 0.
  const apart = Op.subtract(bounded(logBKV), bounded(referenceBKV))
  return Op.weightedMean(Op.sum(Op.multiply(Op.exp(logBKV), apart), [2]), weightBK)
}

const bounded = (x: V): V => Op.maximum(x, Op.constant(-50))

/**
 * What the reference says of a batch whose feeds are those of `Decoder.forward` with an optional
 * `mask`: the feed `anchor`. One compiled graph per shape, kept in the scope of the caller.
 */
export const reader = Effect.fnUntraced(function* (
  { reference }: AnchorOptions,
  at: { readonly worker?: number }
) {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const frozen = Trainable.copy(reference)
  const weights = DecoderModel.weightsOf(frozen.parameters)
  const made = new Map<string, Session.Session>()
  const compiled = (sizes: Decoder.Sizes, isMasked: boolean) => {
    const { logitsBKV } = Decoder.forward(frozen.network, weights, sizes)
    const shape = logitsBKV.shape
    const seen = isMasked ? Op.add(logitsBKV, Op.input("mask", shape)) : logitsBKV
    const log = Op.logSoftmax(seen)
    return pool.compile({ [feedName]: log }, { bind: boundOf(frozen, [log]), ...at })
  }
  return Effect.fnUntraced(function* (sizes: Decoder.Sizes, feeds: Rows.Feeds) {
    const isMasked = "mask" in feeds
    const key = `${sizes.batch} ${sizes.prompt} ${sizes.read} ${isMasked}`
    const session =
      made.get(key) ?? (yield* Effect.provideService(compiled(sizes, isMasked), Scope.Scope, scope))
    made.set(key, session)
    const found = yield* session.run(Record.filter(feeds, (_, name) => name in session.inputs))
    return found[feedName] ?? new Float32Array(0)
  })
})
