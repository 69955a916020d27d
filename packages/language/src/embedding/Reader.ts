/**
 * A network of ours as something that reads texts: from token ids to a hidden state at each place.
 * It neither pools nor runs anything (`HiddenState`), and it never changes the parameters.
 *
 * B rows, T places, D hidden size. Rows are padded on the right: a place sees only those before it,
 * so padding changes nothing that is read.
 */
import { Op, type Parameters, type Session, type Value } from "@dreamgym/graph"
import * as Decoder from "../Decoder.ts"
import { bigints, floats } from "../Rows.ts"
import { padId, specialWords } from "../Tokenizer.ts"
import type { Trainable } from "../Trainable.ts"
import type { HubTokenizer } from "../transformer/HubTokenizer.ts"
import type { Model } from "../transformer/Model.ts"
import * as Network from "../transformer/Network.ts"

/** B and T. */
export interface Sizes {
  readonly rows: number
  readonly length: number
}

/** What `HiddenState` needs to know of a network. */
export interface Reader {
  /** What people call the network. */
  readonly model: string
  /** All that decides about a hidden state besides the parameters: the shape and the tokenizer. */
  readonly identity: () => string
  readonly parameters: Parameters.Parameters
  /** D. */
  readonly dimension: number
  /** The longest text that the network can read, in tokens. */
  readonly maxTokens: number
  /** Ids of a text, without what a tokenizer puts around texts. */
  readonly encode: (text: string) => ReadonlyArray<number>
  /** The hidden states after the last norm, [B, T, D]; `weights` are inputs by the parameters' names. */
  readonly hidden: (weights: Network.Weights, sizes: Sizes) => Value.Value
  /** The feeds of that graph, for as many rows of ids as there are; each fits into T. */
  readonly feeds: (rows: ReadonlyArray<ReadonlyArray<number>>, sizes: Sizes) => Session.Feeds
}

/**
 * The household's decoder. It is told nothing of the goal: its exact-match features are all zero.
 * `maxTokens` is without a limit of its own, since its positions are turned by formula.
 */
export const ofDecoder = (model: string, { network, parameters }: Trainable): Reader => ({
  model,
  identity: () => JSON.stringify([network.config, specialWords, network.tokenizer.vocabulary]),
  parameters,
  dimension: network.config.dimension,
  maxTokens: Number.MAX_SAFE_INTEGER,
  encode: network.tokenizer.encode,
  hidden: (weights, { length, rows }) =>
    Decoder.hidden(network, weights, { batch: rows, prompt: 1, read: length }),
  feeds: (texts, sizes) => {
    const places = sizes.rows * sizes.length
    const previous = bigints(places).fill(BigInt(padId))
    for (const [row, ids] of texts.entries())
      for (const [t, id] of ids.slice(0, -1).entries())
        previous[row * sizes.length + t + 1] = BigInt(id)
    const features = floats(places * network.config.features)
    // Padding stands behind every text, where no text looks: it need not be told.
    const valid = floats(places).fill(1)
    return { ids: idsOf(texts, sizes), previous, valid, features }
  }
})

/** The general transformer, with its tokenizer. */
export const ofTransformer = (
  model: string,
  { config, parameters }: Pick<Model, "config" | "parameters">,
  tokenizer: Pick<HubTokenizer, "encode" | "files">
): Reader => ({
  model,
  identity: () => JSON.stringify([config, tokenizer.files]),
  parameters,
  dimension: config.hiddenSize,
  maxTokens: config.maxPositions,
  encode: (text) => tokenizer.encode(text),
  hidden: (weights, sizes) => Network.hidden(config, weights, { ids: input(sizes) }),
  feeds: (texts, sizes) => ({ ids: idsOf(texts, sizes) })
})

const input = ({ length, rows }: Sizes): Value.Value => Op.input("ids", [rows, length], "int64")

const idsOf = (texts: ReadonlyArray<ReadonlyArray<number>>, { length, rows }: Sizes) => {
  const all = bigints(rows * length)
  for (const [row, ids] of texts.entries())
    for (const [t, id] of ids.entries()) all[row * length + t] = BigInt(id)
  return all
}
