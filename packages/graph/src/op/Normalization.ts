/**
 * Operations of transformer layers that have a kernel of their own: norms and rotary positions.
 * Letters: B rows, H heads, T positions, D width of a head, R rotated pairs (2R <= D).
 */
import * as Shape from "../Shape.ts"
import * as Value from "../Value.ts"

type V = Value.Value

const perFeature = (op: string, x: V, weights: ReadonlyArray<V>) => {
  const width = x.shape[Shape.axisOf(op, x.shape, -1)] ?? 1
  for (const weight of weights)
    if (!Shape.equals(weight.shape, [width]))
      throw new Shape.ShapeError(op, [x.shape, weight.shape], `the weight must be [${width}]`)
}

/** x / sqrt(mean(x^2) + epsilon) * gain over the last axis (Zhang & Sennrich 2019, eq. 4). */
export const rmsNorm = (x: V, gain: V, epsilon = 1e-5): Value.Node<"RmsNorm"> => {
  perFeature("rmsNorm", x, [gain])
  return Value.make("RmsNorm", [x, gain], { shape: x.shape }, { epsilon })
}

/** (x - mean) / sqrt(variance + epsilon) * gain + bias over the last axis (Ba et al. 2016). */
export const layerNorm = (x: V, gain: V, bias: V, epsilon = 1e-5): Value.Node<"LayerNorm"> => {
  perFeature("layerNorm", x, [gain, bias])
  return Value.make("LayerNorm", [x, gain, bias], { shape: x.shape }, { epsilon })
}

/** A by-product of a norm, [..., 1], which the norm's kernel computes anyway. */
export const statistic = (
  norm: Value.Node<"RmsNorm"> | Value.Node<"LayerNorm">,
  which: "mean" | "inverseDeviation"
): V =>
  Value.make(
    "Statistic",
    [norm, Value.inputOf(norm, 0)],
    { shape: [...norm.shape.slice(0, -1), 1] },
    { which, of: norm.op, epsilon: norm.attributes.epsilon }
  )

/**
 * Rotary positions (Su et al. 2021, half-split pairs as in GPT-NeoX): dimension i is paired with
 * i + R and turned; dimensions from 2R on stay. x[B, H, T, D]; cos and sin [T, R] or [B, T, R].
 * No gradient flows to cos and sin.
 */
export const rotary = (x: V, cos: V, sin: V, options: { readonly inverse?: boolean } = {}): V => {
  const [rows = 0, , length = 0, width = 0] = x.shape
  const pairs = cos.shape.at(-1) ?? 0
  const fits =
    Shape.equals(cos.shape, [length, pairs]) || Shape.equals(cos.shape, [rows, length, pairs])
  if (x.shape.length !== 4 || !fits || !Shape.equals(cos.shape, sin.shape) || 2 * pairs > width)
    throw new Shape.ShapeError(
      "rotary",
      [x.shape, cos.shape, sin.shape],
      "it needs [B, H, T, D] with cos and sin [T, R] or [B, T, R], 2R <= D"
    )
  const inverse = options.inverse ?? false
  return Value.make("Rotary", [x, cos, sin], { shape: x.shape }, { inverse })
}
