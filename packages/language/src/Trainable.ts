/**
 * A decoder that is being trained: its network, its parameters, and the version that grows with
 * every update.
 * Models read it, learners write it.
 */
import { Seed } from "@dreamgym/domain"
import { Parameters } from "@dreamgym/graph"
import * as Decoder from "./Decoder.ts"

export interface Trainable {
  readonly network: Decoder.Network
  readonly parameters: Parameters.Parameters
  version: number
}

/** Fresh parameters, drawn from `key`. */
export const make = (network: Decoder.Network, key: Seed.Key): Trainable => {
  const parameters = Parameters.make(Decoder.specs(network), Seed.generator(key))
  Decoder.tieQueriesToKeys(network, parameters)
  return { network, parameters, version: 0 }
}

/** The same numbers and version in memory of their own. */
export const copy = (trainable: Trainable): Trainable => ({
  network: trainable.network,
  parameters: Parameters.copy(trainable.parameters),
  version: trainable.version
})

/** Overwrites the parameters in place: sessions that are bound to them see the new numbers. */
export const overwrite = (trainable: Trainable, parameters: Parameters.Parameters): void => {
  for (const [name, array] of Object.entries(parameters.arrays)) {
    trainable.parameters.arrays[name]?.set(array)
  }
}
