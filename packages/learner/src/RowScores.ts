/**
 * What a decoder says of rows without learning from them: log-probabilities of their tokens among
 * what decoding allowed. One compiled graph per shape.
 */
import { Op, Session, Value } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows, Tokenizer, type Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Batches from "./Batches.ts"
import * as Loss from "./Loss.ts"

type V = Value.Value

/**
 * Logits [B, K, V] of rows under the choices that they carry, with their targets and weights. Rows
 * without choices could say whatever the sampler ever says.
 */
export const read = (
  network: Decoder.Network,
  weights: Readonly<Record<string, V>>,
  sizes: Decoder.Sizes
): { readonly logitsBKV: V; readonly targetBK: V; readonly weightBK: V } => {
  const { batch, read } = sizes
  const { logitsBKV } = Decoder.forward(network, weights, sizes)
  const mask = Op.input("mask", [batch, read, network.tokenizer.vocabulary.length])
  return {
    logitsBKV: Op.add(logitsBKV, mask),
    targetBK: Op.input("target", [batch, read], "int64"),
    weightBK: Op.input("weight", [batch, read])
  }
}

/** The feeds of `read`. */
export const feedsOf = (
  network: Decoder.Network,
  rows: ReadonlyArray<Rows.Row>,
  sizes: Decoder.Sizes
): Rows.Feeds => ({
  ...Rows.collate(network, rows, sizes),
  mask: Rows.choiceMask(network, rows, sizes, Tokenizer.neverSampled)
})

/** The parameters of a graph among all: what a session is to be bound to. */
export const boundOf = (
  { parameters }: Trainable.Trainable,
  outputs: ReadonlyArray<V>
): Readonly<Record<string, Float32Array>> => {
  const names = new Set(Value.inputsOf(outputs).map((input) => input.attributes.name))
  return Record.filter(parameters.arrays, (_: Float32Array, name) => names.has(name))
}

/** Rows that are read at once. */
const chunk = 64

/** The log-probability of each row: its tokens', summed by weight, in the order of the rows. */
export const logProbabilities = Effect.fn("RowScores.logProbabilities")(function* (
  trainable: Trainable.Trainable,
  rows: ReadonlyArray<Rows.Row>,
  at: { readonly worker?: number }
): Effect.fn.Return<
  ReadonlyArray<number>,
  Session.SessionError,
  Session.SessionPool | Scope.Scope
> {
  const { network, parameters } = trainable
  const pool = yield* Session.SessionPool
  const weights = DecoderModel.weightsOf(parameters)
  const sessions = new Map<string, Session.Session>()
  const found = new Array<number>(rows.length).fill(0)
  const entries = rows.map((row, place) => ({ row, place }))
  for (const { rows: part, sizes } of Batches.inOrder(entries, Math.min(chunk, rows.length))) {
    const key = `${sizes.prompt} ${sizes.read}`
    let session = sessions.get(key)
    if (session === undefined) {
      const { logitsBKV, targetBK, weightBK } = read(network, weights, sizes)
      const { logProbabilityB } = Loss.scores(logitsBKV, targetBK, weightBK)
      const bind = boundOf(trainable, [logProbabilityB])
      session = yield* pool.compile({ logProbability: logProbabilityB }, { bind, ...at })
      sessions.set(key, session)
    }
    const feeds = feedsOf(
      network,
      part.map(({ row }) => row),
      sizes
    )
    const { logProbability } = yield* session.run(feeds)
    for (const [b, { place }] of part.entries()) found[place] = logProbability?.[b] ?? Number.NaN
  }
  return found
})
