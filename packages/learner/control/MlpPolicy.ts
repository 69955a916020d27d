/**
 * The two towers as a model that the library's learner trains: a decision is one action, so K = 1.
 *
 * B decisions of a part, O numbers of an observation, A actions.
 */
import { Seed } from "@dreamgym/domain"
import { Op, Parameters } from "@dreamgym/graph"
import { Rows } from "@dreamgym/language"
import type { Model, Shape, Trained } from "../src/Model.ts"
import * as Mlp from "./Mlp.ts"

/** What was seen, and what was done. */
export interface Row {
  readonly observation: ReadonlyArray<number>
  readonly action: number
}

/** Fresh parameters, drawn from `key`. */
export const fresh = (config: Mlp.MlpConfig, key: Seed.Key): Trained => ({
  parameters: Parameters.make(Mlp.specs(config), Seed.generator(key)),
  version: 0
})

/** A minibatch is one part: it is too small to be worth two threads. */
export const make = (config: Mlp.MlpConfig, trained: Trained): Model<Row, Shape> => {
  const shapeOf = (entries: ReadonlyArray<unknown>): Shape => ({ batch: entries.length, read: 1 })
  return {
    trained,
    hasValue: true,
    hasTokenValues: false,
    inParts: (entries) => [{ rows: entries, shape: shapeOf(entries) }],
    shapeOf,
    feedsOf: (entries, { batch }) => feedsOf(config, entries, batch),
    reading: (weights, { batch }) => {
      const observationBO = Op.input("observation", [batch, config.observationSize])
      const { logitsBA, valueB } = Mlp.forward(weights, observationBO)
      return {
        logitsBKV: Op.reshape(logitsBA, [batch, 1, config.actions]),
        targetBK: Op.input("target", [batch, 1], "int64"),
        weightBK: Op.input("weight", [batch, 1]),
        valueB
      }
    }
  }
}

const feedsOf = (
  { observationSize }: Mlp.MlpConfig,
  entries: ReadonlyArray<{ readonly row: Row }>,
  batch: number
): Rows.Feeds => {
  const observation = Rows.floats(batch * observationSize)
  const target = Rows.bigints(batch)
  const weight = Rows.floats(batch)
  for (const [b, { row }] of entries.entries()) {
    observation.set(row.observation, b * observationSize)
    target[b] = BigInt(row.action)
    weight[b] = 1
  }
  return { observation, target, weight }
}
