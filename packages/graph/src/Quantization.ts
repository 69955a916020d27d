/**
 * Weights packed into four bits with a scale per block, as `Op.dequantize` and `Op.matMulNBits` read them.
 * Plain arrays in, plain arrays out; it decides nothing about which weights to pack.
 * Layout: onnxruntime, docs/ContribOperators.md, MatMulNBits. N outputs, K inputs, blocks of Z inputs.
 */
import * as Shape from "./Shape.ts"

/** The bits [N, K / Z, Z / 2] and the scales [N, K / Z] of a weight [N, K]. */
export interface PackedArrays {
  readonly packed: Uint8Array
  readonly scales: Float32Array
}

/**
 * The nearest packed weight. The element of a block that is furthest from 0 becomes exactly -8 steps
 * (llama.cpp's Q4_0), others are off by half a step, or by one at the opposite end.
 */
export const quantize = (
  weight: Float32Array,
  [outputs = 0, inputs = 0]: Shape.Shape,
  block = 32
): PackedArrays => {
  if (weight.length !== outputs * inputs || inputs % block !== 0 || block % 2 !== 0)
    throw new Shape.ShapeError(
      "quantize",
      [[outputs, inputs], [weight.length]],
      `the weight must be [N, K] with K a multiple of the block, ${block}, and the block even`
    )
  const packed = new Uint8Array(weight.length / 2)
  const scales = new Float32Array(weight.length / block)
  for (let index = 0; index < scales.length; index++) {
    const part = weight.subarray(index * block, (index + 1) * block)
    const scale = Math.fround(furthest(part) / -8)
    scales[index] = scale
    part.forEach((x, at) => {
      const slot = (index * block + at) >> 1
      packed[slot] = (packed[slot] ?? 0) | (levelOf(x, scale) << (at % 2 === 0 ? 0 : 4))
    })
  }
  return { packed, scales }
}

const furthest = (block: Float32Array): number =>
  block.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0)

const levelOf = (x: number, scale: number): number =>
  scale === 0 ? 8 : Math.min(15, Math.max(0, Math.round(x / scale) + 8))

/** The numbers that the bits stand for, [N, K]. */
export const dequantize = ({ packed, scales }: PackedArrays): Float32Array => {
  const block = (2 * packed.length) / scales.length
  return Float32Array.from({ length: 2 * packed.length }, (_, index) => {
    const byte = packed[index >> 1] ?? 0
    const level = index % 2 === 0 ? byte & 15 : byte >> 4
    return (level - 8) * (scales[Math.floor(index / block)] ?? 0)
  })
}
