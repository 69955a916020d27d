/**
 * How models are given the cache, and how they give back what is new in it.
 * The memory itself is `Cache`.
 *
 * B rows, L layers, K heads of keys and values, E head dimension, C places, J new places.
 */
import type { Config } from "../Config.ts"
import type { KeysAndValues } from "./Layers.ts"
import type { Nodes } from "./Nodes.ts"

/** The names of a layer's arrays in the cache, as models are fed them. */
export const namesOf = (layer: number): KeysAndValues => ({
  keys: `keys.${layer}`,
  values: `values.${layer}`
})

/** The names of what is new. */
export const newNamesOf = (layer: number): KeysAndValues => ({
  keys: `new keys.${layer}`,
  values: `new values.${layer}`
})

/** The numbers of the layers. */
export const layersOf = ({ layers }: Config): ReadonlyArray<number> =>
  Array.from({ length: layers }, (_, layer) => layer)

const flat = { shape: [-1], type: "float32" } as const

/** Cached and new arrays as a `Model` describes them, and `places`: C. */
export const portsOf = (config: Config) => {
  const named = (of: (layer: number) => KeysAndValues) =>
    Object.fromEntries(
      layersOf(config).flatMap((at) => Object.values(of(at)).map((n) => [n, flat]))
    )
  return {
    inputs: { ...named(namesOf), places: { shape: [1], type: "int64" } } as const,
    outputs: named(newNamesOf)
  }
}

/** Declares the cache as inputs; per layer keys and values [B, K, 1, C, E]. */
export const declare = (nodes: Nodes, config: Config): ReadonlyArray<KeysAndValues> => {
  const { headDimension: width, keyValueHeads: heads } = config
  nodes.model.input("places", { shape: [1], type: "int64" })
  const shape = nodes.concat([nodes.integers(-1, heads, 1), "places", nodes.integers(width)], 0)
  return layersOf(config).map((layer) => {
    const names = namesOf(layer)
    for (const name of Object.values(names))
      nodes.model.input(name, { shape: ["numbers"], type: "float32" })
    return {
      keys: nodes.op("Reshape", [names.keys, shape]),
      values: nodes.op("Reshape", [names.values, shape])
    }
  })
}

/** The shape of new keys, and of new values, for those who declare them. */
export const newShapeOf = ({ headDimension: width, keyValueHeads: heads }: Config) => [
  "B",
  heads,
  1,
  "J",
  width
]
