/**
 * The decoder as a model to be learnt: prompts and the exact tokens after them, as decoding masked
 * and tempered them.
 * It makes no text; that is `DecoderModel` of the language package.
 */
import { Op } from "@dreamgym/graph"
import { Decoder, Rows, Tokenizer, type Trainable } from "@dreamgym/language"
import { inParts, sizesOf } from "./Batches.ts"
import * as Loss from "./Loss.ts"
import type { Model, Reading, Sampled } from "./Model.ts"

export type DecoderPolicy = Model<Rows.Row, Decoder.Sizes>

/** Writes into `trainable` at every update; its critic is read at the end of the prompt. */
export const make = (trainable: Trainable.Trainable): DecoderPolicy => {
  const { network } = trainable
  return {
    trained: trainable,
    hasValue: network.config.hasValue,
    hasTokenValues: network.config.hasValue,
    inParts: (entries) => inParts(entries).map(({ rows, sizes }) => ({ rows, shape: sizes })),
    shapeOf: (entries) => sizesOf(entries, Rows.bucket(entries.length, 32)),
    feedsOf: (entries, sizes, room) => feedsOf(network, entries, sizes, room),
    reading: (weights, sizes) => reading(network, weights, sizes)
  }
}

const feedsOf = (
  network: Decoder.Network,
  entries: ReadonlyArray<Sampled<Rows.Row>>,
  sizes: Decoder.Sizes,
  room?: Rows.Room
): Rows.Feeds => {
  const rows = entries.map(({ row }) => row)
  const inverseTemperature = Rows.floats(sizes.batch).fill(1)
  inverseTemperature.set(entries.map(({ temperature }) => 1 / temperature))
  return {
    ...Rows.collate(network, rows, sizes, room),
    inverseTemperature,
    mask: Rows.choiceMask(network, rows, sizes, Tokenizer.neverSampled, room)
  }
}

const reading = (
  network: Decoder.Network,
  weights: Parameters<DecoderPolicy["reading"]>[0],
  sizes: Decoder.Sizes
): Reading => {
  const { batch, read } = sizes
  const { logitsBKV, valueB, valueBK } = Decoder.forward(network, weights, sizes)
  return {
    logitsBKV: Loss.sampled(
      logitsBKV,
      Op.input("inverseTemperature", [batch]),
      Op.input("mask", [batch, read, network.tokenizer.vocabulary.length])
    ),
    targetBK: Op.input("target", [batch, read], "int64"),
    weightBK: Op.input("weight", [batch, read]),
    ...(valueB === undefined ? {} : { valueB }),
    ...(valueBK === undefined ? {} : { valueBK })
  }
}
