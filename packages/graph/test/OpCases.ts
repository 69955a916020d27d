/**
 * One example of every operation on drawn shapes; the table is total, so a new one must be tested.
 * What is checked of each example is in `Op.test.ts`.
 */
import * as fc from "fast-check"
import { Op, type Shape, type Value } from "../src/index.ts"

type V = Value.Value

/** How an input's numbers are drawn; "fixed" ones take no gradient. */
export type Kind =
  | "real"
  | "positive"
  | "fixed"
  | "bool"
  | { readonly below: number }
  | { readonly byte: true }

export interface Case {
  readonly inputs: { readonly [name: string]: readonly [Kind, Shape.Shape] }
  readonly build: (...inputs: readonly [V, V, V, V, V, V?, V?]) => V
}

export interface Draw {
  readonly seed: number
  readonly shape: Shape.Shape
  /** Which axes of the left and the right operand are 1, and how many leading ones are missing. */
  readonly ones: readonly [ReadonlyArray<boolean>, ReadonlyArray<boolean>]
  readonly missing: readonly [number, number]
  readonly flags: readonly [boolean, boolean, boolean]
  readonly width: number
}

const ones = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 })

export const draws: fc.Arbitrary<Draw> = fc.record({
  seed: fc.integer(),
  shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  ones: fc.tuple(ones, ones),
  missing: fc.tuple(fc.nat(2), fc.nat(2)),
  flags: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
  width: fc.integer({ min: 1, max: 3 })
})

const operand = (draw: Draw, side: 0 | 1): Shape.Shape =>
  draw.shape
    .map((length, axis) => (draw.ones[side][axis] ? 1 : length))
    .slice(Math.min(draw.missing[side], draw.shape.length - 1))

const unary =
  (apply: (x: V) => V, kind: Kind = "real") =>
  (draw: Draw): Case => ({
    inputs: { a: [kind, draw.shape] },
    build: apply
  })

const binary =
  (apply: (a: V, b: V) => V, right: Kind = "real") =>
  (draw: Draw): Case => ({
    inputs: { a: ["real", operand(draw, 0)], b: [right, operand(draw, 1)] },
    build: apply
  })

type Reduce = (x: V, axes?: ReadonlyArray<number>, options?: { keepDims?: boolean }) => V

const reduction =
  (reduce: Reduce) =>
  (draw: Draw): Case => ({
    inputs: { a: ["real", draw.shape] },
    build: (x) => {
      const chosen = draw.shape.flatMap((_, axis) => (draw.ones[0][axis] ? [axis] : []))
      return reduce(x, draw.flags[0] ? undefined : chosen, { keepDims: draw.flags[1] })
    }
  })

const lastOf = (shape: Shape.Shape) => shape.at(-1) ?? 1

const matMul = ({ shape, flags, width, ones: [left, right] }: Draw): Case => {
  const [rows = 1, inner = 1] = [shape[0], shape[1]]
  const [transposeA, transposeB, flat] = flags
  const leading = (side: ReadonlyArray<boolean>) => [side[0] ? 1 : 2, side[1] ? 1 : 3]
  const a = transposeA ? [inner, rows] : [rows, inner]
  const b = transposeB ? [width, inner] : [inner, width]
  const scale = left[2] ? 1 : 0.5
  return {
    inputs: {
      a: ["real", flat && right[2] ? a : [...leading(left), ...a]],
      b: ["real", flat ? b : [...leading(right), ...b]]
    },
    build: (x, y) => Op.matMul(x, y, { transposeA, transposeB, scale })
  }
}

const rotary = ({ flags: [perRow, partial, inverse], width, shape }: Draw): Case => {
  const [batch, length] = [shape[0] ?? 1, (shape[1] ?? 1) + 1]
  // The fused kernel wants a whole number of 4 rotated pairs.
  const angles = perRow ? [batch, length, 4] : [length, 4]
  return {
    inputs: {
      a: ["real", [batch, width, length, partial ? 12 : 8]],
      b: ["fixed", angles],
      c: ["fixed", angles]
    },
    build: (x, cos, sin) => Op.rotary(x, cos, sin, { inverse })
  }
}

const norm =
  (apply: (a: V, b: V, c: V) => V) =>
  ({ shape }: Draw): Case => {
    const width = [lastOf(shape)]
    return { inputs: { a: ["real", shape], b: ["real", width], c: ["real", width] }, build: apply }
  }

/** Two rows over a cache of which each has used another share; what is unspecified is hidden. */
const cacheOf =
  (read: (cached: Op.Cached, visible: (x: V) => V) => V) =>
  ({ flags: [isPrompt, turns, several], width, seed }: Draw): Case => {
    const [rows, groups, wide] = [isPrompt || !several ? 2 : 1, 2, 16]
    const count = isPrompt ? 3 : several ? 2 : 1
    const drawn = Math.abs(seed)
    const lengths = isPrompt ? [3, 1 + (drawn % 3)] : [2 + (drawn % 5), 1].slice(0, rows)
    const capacity = 6
    const heads = groups * width
    const fresh = [rows, count, groups * wide]
    const past = [rows, groups, capacity, wide]
    const tables = turns ? { cos: [capacity, wide / 2], sin: [capacity, wide / 2] } : {}
    const build = (query: V, key: V, value: V, pastKey: V, pastValue: V, cos?: V, sin?: V) => {
      const cached = Op.groupQueryAttention(
        {
          query,
          key,
          value,
          pastKey,
          pastValue,
          lengths: Op.constant(lengths, [rows], "int32"),
          ...(cos === undefined || sin === undefined ? {} : { cos, sin })
        },
        { heads, keyValueHeads: groups, stage: isPrompt ? "prompt" : "continuation" }
      )
      return read(cached, (x) => {
        const isCache = x.shape.length === 4
        const positions = x.shape[isCache ? 2 : 1] ?? 1
        const isKnown = lengths.flatMap((length) =>
          Array.from({ length: positions }, (_, at) =>
            at < (isCache || isPrompt ? length : positions) ? 1 : 0
          )
        )
        const shape = isCache ? [rows, 1, positions, 1] : [rows, positions, 1]
        return Op.where(Op.cast(Op.constant(isKnown, shape), "bool"), x, 0)
      })
    }
    const fixed = { query: [rows, count, heads * wide], key: fresh, value: fresh, pastKey: past }
    const shapes: { readonly [name: string]: Shape.Shape } = {
      ...fixed,
      pastValue: past,
      ...tables
    }
    return {
      inputs: Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => [name, ["fixed", shape] as const])
      ),
      build
    }
  }

/** A weight of `width` outputs and 64 inputs in blocks of 32. */
const packed = ({ width }: Draw): Case["inputs"] => ({
  b: [{ byte: true }, [width, 2, 16]],
  c: ["fixed", [width, 2]]
})

export const cases: { readonly [tag in Value.OpTag]: (draw: Draw) => Case } = {
  Input: unary((x) => x),
  Constant: unary((x) => Op.add(x, Op.constant(2.5))),
  Add: binary(Op.add),
  Subtract: binary(Op.subtract),
  Multiply: binary(Op.multiply),
  Divide: binary(Op.divide, "positive"),
  Minimum: binary(Op.minimum),
  Maximum: binary(Op.maximum),
  Negate: unary(Op.negate),
  Exp: unary(Op.exp),
  Log: unary(Op.log, "positive"),
  Sqrt: unary(Op.sqrt, "positive"),
  Tanh: unary(Op.tanh),
  Sigmoid: unary(Op.sigmoid),
  Relu: unary(Op.relu),
  Abs: unary(Op.abs),
  Silu: unary(Op.silu),
  Gelu: unary(Op.gelu),
  Erf: unary(Op.erf),
  Less: binary(Op.less),
  Greater: binary(Op.greater),
  Equal: binary((a, b) => Op.equal(Op.cast(a, "int64"), Op.cast(b, "int64"))),
  And: binary((a, b) => Op.and(Op.less(a, 0), Op.less(b, 0))),
  Not: unary((x) => Op.not(Op.less(x, 0))),
  Where: (draw) => ({
    inputs: {
      a: ["bool", draw.shape],
      b: ["real", operand(draw, 0)],
      c: ["real", operand(draw, 1)]
    },
    build: Op.where
  }),
  Cast: unary((x) => Op.cast(Op.multiply(x, 3), "int64")),
  StopGradient: unary((x) => Op.multiply(Op.stopGradient(Op.exp(x)), 2), "fixed"),
  Reshape: unary((x) => Op.reshape(x, [1, -1])),
  Transpose: (draw) => ({
    inputs: { a: ["real", draw.shape] },
    build: (x) => {
      const axes = draw.shape.map((_, axis) => axis)
      return Op.transpose(x, draw.flags[0] ? axes.toReversed() : [...axes.slice(1), 0])
    }
  }),
  BroadcastTo: (draw) => ({
    inputs: { a: ["real", operand(draw, 0)] },
    build: (x) => Op.multiply(Op.broadcastTo(x, draw.shape), Op.broadcastTo(x, [2, ...draw.shape]))
  }),
  Concat: ({ shape, width }) => ({
    inputs: {
      a: ["real", shape],
      b: ["real", [width, ...shape.slice(1)]],
      c: ["real", shape]
    },
    build: (a, b, c) => Op.concat([a, b, c, a], 0)
  }),
  Slice: ({ shape, width, flags }) => ({
    inputs: { a: ["real", [...shape, width + 3]] },
    build: (x) => {
      const [left, right] = Op.split(x, [width + 1, 2], -1)
      const part = Op.slice(x, -1, 1, width + 2)
      return Op.concat([Op.exp(right ?? x), left ?? x, ...(flags[0] ? [part] : [])], -1)
    }
  }),
  Pad: ({ shape, width }) => ({
    inputs: { a: ["real", shape] },
    build: (x) => Op.pad(x, 0, width, (shape[0] ?? 0) + 2 * width)
  }),
  MatMul: matMul,
  Gather: ({ shape, width }) => ({
    inputs: { a: ["real", shape], b: [{ below: shape[0] ?? 1 }, [width, 3]] },
    build: Op.gather
  }),
  ScatterRows: ({ shape, width }) => ({
    inputs: { a: ["real", [width, 3, ...shape]], b: [{ below: 4 }, [width, 3]] },
    build: (rows, ids) => Op.scatterRows(rows, ids, 4)
  }),
  Pick: ({ shape }) => ({
    inputs: { a: ["real", shape], b: [{ below: lastOf(shape) }, shape.slice(0, -1)] },
    build: Op.pick
  }),
  AddAt: ({ shape }) => {
    const heads = shape.slice(0, -1)
    return {
      inputs: { a: ["real", shape], b: ["real", heads], c: [{ below: lastOf(shape) }, heads] },
      build: Op.addAt
    }
  },
  Sum: reduction(Op.sum),
  SumSquares: reduction(Op.sumSquares),
  Mean: reduction(Op.mean),
  Max: reduction(Op.max),
  ArgMax: unary(Op.argMax),
  TopValues: ({ shape, width }) => ({
    inputs: { a: ["fixed", [...shape, width + 2]] },
    build: (x) => Op.topValues(x, width)
  }),
  TopPositions: ({ shape, width, flags }) => ({
    inputs: { a: [flags[0] ? { below: 3 } : "fixed", [...shape, width + 2]] },
    build: (x) => Op.topPositions(Op.topValues(Op.cast(x, "float32"), width))
  }),
  CumulativeSum: (draw) => unary((x) => Op.cumulativeSum(x, { reverse: draw.flags[0] }))(draw),
  Softmax: unary(Op.softmax),
  LogSoftmax: unary(Op.logSoftmax),
  RmsNorm: norm((x, gain) => Op.rmsNorm(x, gain, 1e-3)),
  LayerNorm: norm((x, gain, bias) => Op.layerNorm(x, gain, bias, 1e-3)),
  Statistic: ({ shape }) => ({
    inputs: { a: ["fixed", shape], b: ["fixed", [lastOf(shape)]] },
    build: (x, gain) => {
      const [rms, layer] = [Op.rmsNorm(x, gain, 0.1), Op.layerNorm(x, gain, gain, 0.1)]
      const parts = [Op.statistic(layer, "mean"), Op.statistic(layer, "inverseDeviation")]
      return Op.concat([Op.statistic(rms, "inverseDeviation"), ...parts], -1)
    }
  }),
  Rotary: rotary,
  GroupQueryAttention: cacheOf(({ attention }, visible) => visible(attention)),
  Present: cacheOf(({ presentKey, presentValue }, visible) =>
    Op.concat([visible(presentKey), visible(presentValue)], 3)
  ),
  Dequantize: (draw) => ({
    inputs: { a: ["fixed", [1]], ...packed(draw) },
    build: (_, bits, scales) => Op.dequantize({ packed: bits, scales })
  }),
  MatMulNBits: (draw) => ({
    inputs: { a: ["real", [...draw.shape, 2, 64]], ...packed(draw) },
    build: (x, bits, scales) => Op.matMulNBits(x, { packed: bits, scales })
  })
}

/** Operations written with others, which are checked like them. */
export const compounds: { readonly [name: string]: (draw: Draw) => Case } = {
  gatherAxis1: ({ shape, width }) => ({
    inputs: {
      a: ["real", [width, 3, ...shape]],
      b: [{ below: 3 }, [width, 2]]
    },
    build: Op.gatherAxis1
  }),
  slicesThatOverlap: ({ shape }) => ({
    inputs: { a: ["real", [...shape, 4]] },
    build: (x) => Op.concat([Op.slice(x, -1, 0, 2), Op.slice(x, -1, 1, 3)], -1)
  }),
  slicesInAnyOrder: ({ shape, flags: [swapped] }) => ({
    inputs: { a: ["real", [...shape, 4]] },
    build: (x) => {
      const parts = [Op.slice(x, -1, 0, 1), Op.slice(x, -1, 1, 4)]
      return Op.concat(swapped ? parts.toReversed() : parts, -1)
    }
  }),
  attention: ({ flags: [isGrouped, isMasked], width }) => {
    const [rows, count, groups] = [2, width + 1, isGrouped ? 2 : 4]
    const shared = [rows, groups, count, 4]
    const isToken = Array.from({ length: rows * count }, (_, index) => (index === 1 ? 0 : 1))
    const padding = Op.paddingMask(Op.constant(isToken, [rows, count], "bool"))
    const visible = isMasked ? padding : Op.and(Op.causalMask(count, 2), padding)
    return {
      inputs: { a: ["real", [rows, 4, count, 4]], b: ["real", shared], c: ["real", shared] },
      build: (query, key, value) => Op.attention({ query, key, value }, { visible })
    }
  },
  place: ({ shape }) => ({
    inputs: { a: ["real", shape], b: [{ below: 5 }, shape] },
    build: (x, ids) => Op.place(x, ids, 5)
  }),
  logProbabilitiesOfAHead: ({ width, flags: [isTransposed] }) => ({
    inputs: {
      a: ["real", [3, width]],
      b: ["real", isTransposed ? [6, width] : [width, 6]],
      c: [{ below: 6 }, [3]]
    },
    build: (x, table, ids) =>
      Op.pick(Op.logSoftmax(Op.matMul(x, table, { transposeB: isTransposed, scale: 2 })), ids)
  }),
  packedAttention: ({ width }) => ({
    inputs: {
      a: ["real", [2, 2, width, 3]],
      b: [{ below: 2 }, [2, width]]
    },
    build: (x, segments) => {
      const visible = Op.and(Op.causalMask(width), Op.packingMask(segments))
      return Op.attention({ query: x, key: x, value: x }, { visible, scale: 2 })
    }
  }),
  crossEntropy: ({ shape, flags: [isWeighted] }) => ({
    inputs: {
      a: ["real", shape],
      b: [{ below: lastOf(shape) }, shape.slice(0, -1)],
      c: [{ below: 2 }, shape.slice(0, -1)]
    },
    build: (x, labels, weights) =>
      Op.crossEntropy(x, labels, isWeighted ? { weights: Op.cast(weights, "float32") } : {})
  }),
  logSigmoid: unary((x) => Op.logSigmoid(Op.multiply(x, 20))),
  entropy: unary((x) => Op.entropy(Op.multiply(x, 3))),
  reductionsOfAScalar: ({ flags: [keepDims] }) => ({
    inputs: { a: ["real", []] },
    build: (x) => {
      const all = [Op.sum, Op.sumSquares, Op.mean, Op.max]
      return Op.concat(
        all.map((reduce) => Op.reshape(reduce(x, undefined, { keepDims }), [1])),
        0
      )
    }
  }),
  clip: unary((x) => Op.clip(x, -0.5, 0.5)),
  square: unary(Op.square),
  matMulOfRows: ({ shape, width, flags }) => ({
    inputs: {
      a: ["real", [2, ...shape, 3]],
      b: ["real", flags[0] ? [width, 3] : [3, width]]
    },
    build: (a, b) => Op.matMul(a, b, { transposeB: flags[0] })
  })
}
