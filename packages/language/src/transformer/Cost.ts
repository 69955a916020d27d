/**
 * What a network costs before it runs: numbers to learn, operations per token, bytes of cache.
 * Arithmetic on the configuration only; nothing here is measured.
 */
import { Shape } from "@dreamgym/graph"
import type { Config } from "./Config.ts"
import { shapes } from "./Network.ts"

/** The size of each tensor, in the order of the file. */
export const parametersByName = (config: Config): { readonly [name: string]: number } =>
  Object.fromEntries(Object.entries(shapes(config)).map(([name, of]) => [name, Shape.product(of)]))

/** The number of numbers that are learnt; a tied head counts once. */
export const parameters = (config: Config): number =>
  Object.values(parametersByName(config)).reduce((sum, size) => sum + size, 0)

/** Floating-point operations of training on one token by the usual rule, 6 per parameter. */
export const trainingRule = (config: Config): number => 6 * parameters(config)

/**
 * Floating-point operations of one forward pass, per token, in texts of `length` tokens: two per
 * weight that multiplies the token, and attention over the whole square, as the kernels compute it.
 */
export const forward = (config: Config, length: number): number => {
  const weights = Object.entries(shapes(config)).reduce(
    (sum, [name, shape]) =>
      shape.length === 2 && name !== "model.embed_tokens.weight" ? sum + Shape.product(shape) : sum,
    config.tieEmbeddings ? config.vocabularySize * config.hiddenSize : 0
  )
  return 2 * weights + 4 * config.layers * config.heads * config.headDimension * length
}

/** The same for training: the backward pass costs two forward passes. */
export const training = (config: Config, length: number): number => 3 * forward(config, length)

/** Bytes of the float32 key/value cache for each token of each text. */
export const cacheBytes = ({ layers, keyValueHeads, headDimension }: Config): number =>
  2 * layers * keyValueHeads * headDimension * Float32Array.BYTES_PER_ELEMENT
