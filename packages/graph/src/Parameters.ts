/**
 * The numbers that are learnt: named tensors in one piece of shared memory, in a fixed order.
 * They are only weights; how they change is `Optimizer`, how they are kept on disk `Safetensors`.
 */
import * as Record from "effect/Record"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Initializer, Random } from "./Initializer.ts"
import { input } from "./Op.ts"
import * as Shape from "./Shape.ts"
import type { Value } from "./Value.ts"

/** The shape and the beginning of one parameter. */
export interface Specification {
  readonly shape: Shape.Shape
  readonly initial: Initializer
}

/** Parameters by name; their order is the order in memory and in files. */
export type Specifications<Name extends string = string> = {
  readonly [name in Name]: Specification
}

/** Named float32 tensors; `arrays` are views of `memory`, which every thread may read. */
export interface Parameters<Name extends string = string> {
  readonly shapes: { readonly [name in Name]: Shape.Shape }
  readonly arrays: { readonly [name in Name]: Float32Array }
  readonly memory: SharedArrayBuffer
}

/** Tensors that are not the expected parameters. */
export class ParametersError extends Schema.TaggedError<ParametersError>()("ParametersError", {
  reason: Schema.Literals(["Missing", "Unknown", "Misshapen"]),
  parameter: Schema.String,
  message: Schema.String
}) {}

/** Zeros of the given shapes, laid out one after another. */
export const zeros = <Name extends string>(shapes: {
  readonly [name in Name]: Shape.Shape
}): Parameters<Name> => {
  const sizes = Record.map(shapes, (shape: Shape.Shape) => Shape.product(shape))
  const total = Object.values<number>(sizes).reduce((sum, size) => sum + size, 0)
  const memory = new SharedArrayBuffer(total * Float32Array.BYTES_PER_ELEMENT)
  let start = 0
  const arrays = Record.map(sizes, (size: number) => {
    const array = new Float32Array(memory, start * Float32Array.BYTES_PER_ELEMENT, size)
    start += size
    return array
  })
  return { shapes, arrays, memory }
}

/** Fresh parameters; the randomness is drawn in the order of the specifications. */
export const make = <Name extends string>(
  specifications: Specifications<Name>,
  random: Random
): Parameters<Name> => {
  const shapes = Record.map(specifications, (one: Specification) => one.shape)
  const parameters = zeros(shapes)
  for (const name in specifications)
    parameters.arrays[name].set(specifications[name].initial(shapes[name], random))
  return parameters
}

/** The same numbers in memory of their own. */
export const copy = <Name extends string>(parameters: Parameters<Name>): Parameters<Name> => {
  const twin = zeros(parameters.shapes)
  new Uint8Array(twin.memory).set(new Uint8Array(parameters.memory))
  return twin
}

/** The number of numbers. */
export const count = (parameters: Parameters): number =>
  parameters.memory.byteLength / Float32Array.BYTES_PER_ELEMENT

/**
 * A table for people: each parameter's name, shape, count and share of all; then their number, the
 * count of all and their bytes. Columns are aligned with spaces.
 */
export const summary = (parameters: Pick<Parameters, "shapes">): string => {
  const shapes = Object.entries(parameters.shapes)
  const all = shapes.reduce((sum, [, shape]) => sum + Shape.product(shape), 0)
  const share = (size: number) => `${((100 * size) / Math.max(1, all)).toFixed(1)} %`
  const rows = shapes.map(([name, shape]) => {
    const size = Shape.product(shape)
    return [name, `[${shape.join(", ")}]`, grouped(size), share(size)]
  })
  const bytes = `${grouped(all * Float32Array.BYTES_PER_ELEMENT)} bytes`
  const last = [`${shapes.length} parameters`, bytes, grouped(all), share(all)]
  return aligned([["parameter", "shape", "count", "share"], ...rows, last])
}

/** A whole number with its thousands apart: 1,234,567. */
const grouped = (count: number): string => count.toLocaleString("en-US")

/** Rows of cells as lines; the last two columns, numbers, end at the same place. */
const aligned = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  const cellOf = (cell: string, column: number) =>
    column < 2 ? cell.padEnd(widthOf(column)) : cell.padStart(widthOf(column))
  return rows.map((row) => row.map(cellOf).join("  ")).join("\n")
}

/** A graph input for each parameter, under its name. */
export const inputs = <Name extends string>(specifications: {
  readonly [name in Name]: { readonly shape: Shape.Shape }
}): { readonly [name in Name]: Value } =>
  Record.map(specifications, (one: { readonly shape: Shape.Shape }, name) => input(name, one.shape))

/** Tensors by name, as `Safetensors.decode` gives them. */
export type TensorsOf = {
  readonly [name: string]: { readonly shape: Shape.Shape; readonly data: Float32Array }
}

/** Parameters of the expected shapes, filled from other tensors with exactly their names. */
export const fromTensors = <Name extends string>(
  shapes: { readonly [name in Name]: Shape.Shape },
  tensors: TensorsOf
): Result.Result<Parameters<Name>, ParametersError> => {
  const parameters = zeros(shapes)
  for (const name in shapes) {
    const tensor = tensors[name]
    if (tensor === undefined) return Result.fail(mismatch("Missing", name, shapes[name], undefined))
    if (!Shape.equals(tensor.shape, shapes[name]))
      return Result.fail(mismatch("Misshapen", name, shapes[name], tensor.shape))
    parameters.arrays[name].set(tensor.data)
  }
  for (const name in tensors)
    if (!(name in shapes))
      return Result.fail(mismatch("Unknown", name, undefined, tensors[name]?.shape))
  return Result.succeed(parameters)
}

const mismatch = (
  reason: "Missing" | "Unknown" | "Misshapen",
  parameter: string,
  expected: Shape.Shape | undefined,
  found: Shape.Shape | undefined
) => {
  const [want, have] = [expected, found].map((shape) =>
    shape === undefined ? "absent" : `[${shape.join(", ")}]`
  )
  const message =
    `parameter ${parameter} should be ${want} but is ${have}: ` +
    "the file belongs to another network; load it with the network's own configuration"
  return new ParametersError({ reason, parameter, message })
}
