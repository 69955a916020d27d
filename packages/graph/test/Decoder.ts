/**
 * A small pre-norm decoder for the tests and the benchmark: rotary attention, gated or plain MLP.
 * It is not the project's network, which is in `language`.
 */
import { Initializer, Op, type Parameters, Shape, type Value } from "../src/index.ts"

type V = Value.Value

export interface Size {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly hidden: number
  readonly vocabulary: number
  readonly batch: number
  readonly length: number
}

export const specifications = (size: Size): Parameters.Specifications => {
  const { layers, width, hidden, vocabulary } = size
  const matrix = (rows: number, columns: number) => ({
    shape: [rows, columns],
    initial: Initializer.normal(1 / Math.sqrt(rows))
  })
  const gain = { shape: [width], initial: Initializer.ones }
  const layer = (index: number) => ({
    [`${index}.attentionNorm`]: gain,
    [`${index}.queryKeyValue`]: matrix(width, 3 * width),
    [`${index}.attentionOutput`]: matrix(width, width),
    [`${index}.mlpNorm`]: gain,
    [`${index}.mlpInput`]: matrix(width, hidden),
    [`${index}.mlpOutput`]: matrix(hidden, width)
  })
  return Object.assign(
    { embedding: matrix(vocabulary, width), finalNorm: gain },
    ...Array.from({ length: layers }, (_, index) => layer(index))
  )
}

const angles = (length: number, pairs: number, of: (angle: number) => number): V =>
  Op.constant(
    Array.from({ length: length * pairs }, (_, index) =>
      of(Math.floor(index / pairs) * 10_000 ** (-(index % pairs) / pairs))
    ),
    [length, pairs]
  )

/** Logits [B, T, V] of ids [B, T]. */
export const logits = (size: Size, p: { readonly [name: string]: V }, ids: V): V => {
  const { layers, width, heads, batch, length } = size
  const part = width / heads
  const at = (name: string) => p[name] ?? Op.constant(0)
  const cos = angles(length, part / 2, Math.cos)
  const sin = angles(length, part / 2, Math.sin)
  const mask = Op.constant(
    Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? -1e9 : 0
    ),
    [length, length]
  )
  let x = Op.gather(at("embedding"), Op.reshape(ids, [batch * length]))
  for (let index = 0; index < layers; index++) {
    const normed = Op.rmsNorm(x, at(`${index}.attentionNorm`))
    const joint = Op.reshape(Op.matMul(normed, at(`${index}.queryKeyValue`)), [
      batch,
      length,
      3 * heads,
      part
    ])
    const [q, k, v] = Op.split(Op.transpose(joint, [0, 2, 1, 3]), [heads, heads, heads], 1)
    if (q === undefined || k === undefined || v === undefined) throw new RangeError("three parts")
    const scores = Op.matMul(Op.rotary(q, cos, sin), Op.rotary(k, cos, sin), {
      transposeB: true,
      scale: 1 / Math.sqrt(part)
    })
    const mixed = Op.matMul(Op.softmax(Op.add(scores, mask)), v)
    const flat = Op.reshape(Op.transpose(mixed, [0, 2, 1, 3]), [batch * length, width])
    x = Op.add(x, Op.matMul(flat, at(`${index}.attentionOutput`)))
    const inner = Op.matMul(Op.rmsNorm(x, at(`${index}.mlpNorm`)), at(`${index}.mlpInput`))
    x = Op.add(x, Op.matMul(Op.silu(inner), at(`${index}.mlpOutput`)))
  }
  const out = Op.matMul(Op.rmsNorm(x, at("finalNorm")), at("embedding"), { transposeB: true })
  return Op.reshape(out, [batch, length, size.vocabulary])
}

/** The mean negative log-probability of the targets [B, T]. */
export const loss = (values: V, targets: V): V =>
  Op.negate(Op.mean(Op.pick(Op.logSoftmax(values), targets)))

export const ids = (size: Size, random: () => number): BigInt64Array =>
  BigInt64Array.from({ length: Shape.product([size.batch, size.length]) }, () =>
    BigInt(Math.floor(random() * size.vocabulary))
  )

/** Mulberry32: a small seeded generator for tests. */
export const randomOf = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
