/**
 * A one-layer decoder with its loss: small enough to ask of any machine, with what larger ones need.
 * It is made to be run and compared, not to learn anything; networks are in `language`.
 */
import * as Record from "effect/Record"
import { gradients } from "./Gradient.ts"
import * as Initializer from "./Initializer.ts"
import * as Op from "./Op.ts"
import * as Parameters from "./Parameters.ts"
import type { Value } from "./Value.ts"

/** B texts of T tokens out of V, width D in H heads. */
export interface Size {
  readonly batch: number
  readonly length: number
  readonly vocabulary: number
  readonly width: number
  readonly heads: number
}

type Name = "embedding" | "gain" | "joint" | "out" | "up" | "down"

/** The decoder's parameters. */
export const specifications = ({ vocabulary, width }: Size): Parameters.Specifications<Name> => {
  const matrix = (rows: number, columns: number) => ({
    shape: [rows, columns],
    initial: Initializer.normal(1 / Math.sqrt(width))
  })
  return {
    embedding: matrix(vocabulary, width),
    gain: { shape: [width], initial: Initializer.ones },
    joint: matrix(width, 3 * width),
    out: matrix(width, width),
    up: matrix(width, 3 * width),
    down: matrix(3 * width, width)
  }
}

/** The mean loss of the next tokens `targets` [B, T] after `ids` [B, T]. */
export const loss = (size: Size, weights: { readonly [name in Name]: Value }): Value => {
  const { batch, heads, length, vocabulary, width } = size
  const ids = Op.input("ids", [batch, length], "int64")
  const x = Op.gather(weights.embedding, Op.reshape(ids, [batch * length]))
  const joint = Op.matMul(Op.rmsNorm(x, weights.gain), weights.joint)
  const parts = Op.split(
    Op.transpose(Op.reshape(joint, [batch, length, 3 * heads, width / heads]), [0, 2, 1, 3]),
    [heads, heads, heads],
    1
  )
  const [query = x, key = x, value = x] = parts
  const mixed = Op.transpose(Op.causalAttention({ query, key, value }), [0, 2, 1, 3])
  const seen = Op.add(x, Op.matMul(Op.reshape(mixed, [batch * length, width]), weights.out))
  const inner = Op.silu(Op.matMul(Op.rmsNorm(seen, weights.gain), weights.up))
  const after = Op.add(seen, Op.matMul(inner, weights.down))
  const logits = Op.matMul(after, weights.embedding, { transposeB: true })
  const targets = Op.input("targets", [batch, length], "int64")
  return Op.crossEntropy(Op.reshape(logits, [batch, length, vocabulary]), targets)
}

/** The loss and its gradient, by parameter. */
export const lossAndGradient = (size: Size): { readonly [name: string]: Value } => {
  const weights = Parameters.inputs(specifications(size))
  const value = loss(size, weights)
  const slopes = gradients(value, Object.values(weights))
  const named = Object.keys(weights).map((name, index) => [`d ${name}`, slopes[index]] as const)
  return {
    loss: value,
    ...Record.filter(Object.fromEntries(named), (slope) => slope !== undefined)
  }
}

/** Token ids that look random and are the same everywhere. */
export const tokens = ({ batch, length, vocabulary }: Size, step: number): BigInt64Array =>
  BigInt64Array.from({ length: batch * length }, (_, index) =>
    BigInt((index * step + (index >> 3)) % vocabulary)
  )

/** Numbers in [0, 1) that look random and are the same everywhere: multiples of the golden ratio. */
export const random = (): Initializer.Random => {
  let count = 0
  return () => (++count * 0.618_033_988_749_894_9) % 1
}
