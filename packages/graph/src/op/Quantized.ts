/**
 * Frozen weights of four bits: read as numbers, or multiplied as they are packed.
 * How a weight is packed is `Quantization`. N outputs, K inputs, blocks of Z inputs with one scale.
 */
import * as Shape from "../Shape.ts"
import * as Value from "../Value.ts"

type V = Value.Value

/**
 * A weight [N, K]. `packed` is uint8 [N, K / Z, Z / 2], two inputs in a byte with the first in the
 * lower four bits; `scales` is [N, K / Z]. A number is (bits - 8) * scale.
 */
export interface Packed {
  readonly packed: V
  readonly scales: V
}

const sizesOf = (op: string, { packed, scales }: Packed): readonly [number, number] => {
  const [outputs = 0, blocks = 0, bytes = 0] = packed.shape
  const isPacked = packed.type === "uint8" && packed.shape.length === 3
  if (!isPacked || !Shape.equals(scales.shape, [outputs, blocks]))
    throw new Shape.ShapeError(
      op,
      [packed.shape, scales.shape],
      "a packed weight is uint8 [N, K / Z, Z / 2] with scales [N, K / Z]"
    )
  return [outputs, 2 * blocks * bytes]
}

/** The weight as float32 [N, K]. No gradient flows to it. */
export const dequantize = (weight: Packed): V => {
  const shape = sizesOf("dequantize", weight)
  return Value.make("Dequantize", [weight.packed, weight.scales], { shape }, {})
}

/**
 * x[..., K] times the transposed weight: [..., N]. The gradient of x uses the weight as numbers;
 * none flows to the weight. The kernel wants blocks of 16, 32, 64, 128 or 256 inputs.
 */
export const matMulNBits = (x: V, weight: Packed): V => {
  const [outputs, inputs] = sizesOf("matMulNBits", weight)
  if (x.shape.length < 2 || x.shape.at(-1) !== inputs)
    throw new Shape.ShapeError(
      "matMulNBits",
      [x.shape, [outputs, inputs]],
      `the last of at least two axes must be ${inputs}`
    )
  const shape = [...x.shape.slice(0, -1), outputs]
  return Value.make("MatMulNBits", [x, weight.packed, weight.scales], { shape }, {})
}
