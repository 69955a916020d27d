/**
 * Matrix products and table look-ups: the operations where tensors of different shapes meet.
 * Shape letters: B rows of a batch, T positions, K picked positions, V classes.
 */
import * as Shape from "../Shape.ts"
import * as Value from "../Value.ts"
import { add, constant } from "./Elementwise.ts"
import { broadcastTo, reshape } from "./Layout.ts"

type V = Value.Value

/** How the operands are read and the product scaled. */
export interface MatMulOptions {
  /** Use the left operand with its last two axes swapped. */
  readonly transposeA?: boolean
  /** Use the right operand with its last two axes swapped. */
  readonly transposeB?: boolean
  /** Multiplies the product; default 1. */
  readonly scale?: number
}

/** [..., M, K] times [..., K, N] is [..., M, N]; leading axes broadcast. */
export const matMul = (a: V, b: V, options: MatMulOptions = {}): V => {
  const { transposeA = false, transposeB = false, scale = 1 } = options
  if (a.shape.length < 2 || b.shape.length < 2)
    throw new Shape.ShapeError("matMul", [a.shape, b.shape], "both need at least two axes")
  if (b.shape.length === 2 && a.shape.length > 2 && !transposeA) {
    const rows = reshape(a, [-1, a.shape.at(-1) ?? 1])
    const flat = matMul(rows, b, options)
    return reshape(flat, [...a.shape.slice(0, -1), flat.shape[1] ?? 1])
  }
  const [rows, inner] = matrixOf(a, transposeA)
  const [innerB, columns] = matrixOf(b, transposeB)
  if (inner !== innerB)
    throw new Shape.ShapeError(
      "matMul",
      [a.shape, b.shape],
      `inner axes are ${inner} and ${innerB}`
    )
  const leading = Shape.broadcast("matMul", a.shape.slice(0, -2), b.shape.slice(0, -2))
  const attributes = { transposeA, transposeB, scale }
  return Value.make("MatMul", [a, b], { shape: [...leading, rows, columns] }, attributes)
}

const matrixOf = (x: V, transposed: boolean): readonly [number, number] => {
  const [last, before] = [x.shape.at(-1) ?? 1, x.shape.at(-2) ?? 1]
  return transposed ? [last, before] : [before, last]
}

const integers = (op: string, table: V, ids: V) => {
  if (ids.type !== "int64")
    throw new Shape.ShapeError(op, [table.shape, ids.shape], `ids are ${ids.type}, not int64`)
}

/** Rows of a table: table[R, ...rest], ids[...] in [0, R) -> [...ids, ...rest]. */
export const gather = (table: V, ids: V): V => {
  integers("gather", table, ids)
  Shape.axisOf("gather", table.shape, 0)
  const shape = [...ids.shape, ...table.shape.slice(1)]
  return Value.make("Gather", [table, ids], { shape, type: table.type }, {})
}

/** A table of zeros with rows added at ids, repeats adding up: the gradient of `gather`. */
export const scatterRows = (rows: V, ids: V, count: number): V => {
  integers("scatterRows", rows, ids)
  const rest = rows.shape.slice(ids.shape.length)
  if (!Shape.equals(rows.shape, [...ids.shape, ...rest]))
    throw new Shape.ShapeError("scatterRows", [rows.shape, ids.shape], "each id needs one row")
  return Value.make("ScatterRows", [rows, ids], { shape: [count, ...rest] }, {})
}

/** Positions picked per batch row: x[B, T, ...rest], ids[B, K] in [0, T) -> [B, K, ...rest]. */
export const gatherAxis1 = (x: V, ids: V): V => {
  const [rows = 0, length = 0] = x.shape
  if (x.shape.length < 2 || ids.shape.length !== 2 || ids.shape[0] !== rows)
    throw new Shape.ShapeError(
      "gatherAxis1",
      [x.shape, ids.shape],
      "it needs [B, T, ...] and [B, K]"
    )
  const starts = constant(
    Array.from({ length: rows }, (_, row) => row * length),
    [rows, 1],
    "int64"
  )
  return gather(reshape(x, [rows * length, ...x.shape.slice(2)]), add(ids, starts))
}

/** One element of the last axis per position: x[..., V], ids[...] in [0, V) -> [...]. */
export const pick = (x: V, ids: V): V => {
  integers("pick", x, ids)
  if (!Shape.equals(x.shape.slice(0, -1), ids.shape))
    throw new Shape.ShapeError(
      "pick",
      [x.shape, ids.shape],
      "ids need the shape without its last axis"
    )
  return Value.make("Pick", [x, ids], { shape: ids.shape, type: x.type }, {})
}

/** One element of the last axis per position added to: base[..., V], x[...], ids[...] in [0, V). */
export const addAt = (base: V, x: V, ids: V): V => {
  integers("addAt", base, ids)
  if (![x, ids].every((one) => Shape.equals(base.shape.slice(0, -1), one.shape)))
    throw new Shape.ShapeError(
      "addAt",
      [base.shape, x.shape, ids.shape],
      "elements and ids need the shape without its last axis"
    )
  return Value.make("AddAt", [base, ids, x], { shape: base.shape, type: base.type }, {})
}

/** Zeros of width `count` with one element set per position: the gradient of `pick`. */
export const place = (x: V, ids: V, count: number): V =>
  addAt(broadcastTo(constant(0, [], x.type), [...x.shape, count]), x, ids)
