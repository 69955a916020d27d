/**
 * The arithmetic of tensor shapes: lists of non-negative integers, outermost axis first.
 * It never sees data; a shape that does not fit is refused where the graph is written.
 */

/** The lengths of a tensor's axes, outermost first; `[]` is a scalar. */
export type Shape = ReadonlyArray<number>

const ownSources = new URL(".", import.meta.url).href

/** The first stack line outside this package: where the author wrote the operation. */
const callSite = (stack: string): string => {
  const frames = stack.split("\n").filter((line) => line.trimStart().startsWith("at "))
  const own = (line: string) =>
    line.includes("(<anonymous>)") ||
    line.includes(ownSources) ||
    line.includes(ownSources.replace("file://", ""))
  return (frames.find((line) => !own(line)) ?? frames.at(-1) ?? "at unknown").trim()
}

/** Operands that an operation cannot take. Its message names the operation, the shapes and the line. */
export class ShapeError extends Error {
  readonly _tag = "ShapeError"
  readonly operation: string
  readonly shapes: ReadonlyArray<Shape>

  constructor(operation: string, shapes: ReadonlyArray<Shape>, remedy: string) {
    super()
    this.name = "ShapeError"
    this.operation = operation
    this.shapes = shapes
    const operands = shapes.map((shape) => `[${shape.join(", ")}]`).join(" and ")
    this.message = `${operation} does not take ${operands}: ${remedy} (${callSite(this.stack ?? "")})`
  }
}

/** The number of elements; 1 for a scalar. */
export const product = (shape: Shape): number => shape.reduce((all, length) => all * length, 1)

/** Whether two shapes have the same axes. */
export const equals = (left: Shape, right: Shape): boolean =>
  left.length === right.length && left.every((length, axis) => length === right[axis])

/** Distance in elements between neighbours along each axis of a row-major tensor. */
export const strides = (shape: Shape): ReadonlyArray<number> => {
  const steps = new Array<number>(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--)
    steps[axis] = (steps[axis + 1] ?? 1) * (shape[axis + 1] ?? 1)
  return steps
}

/** NumPy broadcasting: axes are aligned at the end, and an axis of length 1 stretches. */
export const broadcast = (operation: string, left: Shape, right: Shape): Shape => {
  const rank = Math.max(left.length, right.length)
  return Array.from({ length: rank }, (_, axis) => {
    const a = left[left.length - rank + axis] ?? 1
    const b = right[right.length - rank + axis] ?? 1
    if (a !== b && a !== 1 && b !== 1)
      throw new ShapeError(operation, [left, right], "aligned axes must be equal or 1")
    return a === 1 ? b : a
  })
}

/** An axis counted from the end (`-1` is the last) as one counted from the start. */
export const axisOf = (operation: string, shape: Shape, axis: number): number => {
  const index = axis < 0 ? axis + shape.length : axis
  if (!Number.isInteger(index) || index < 0 || index >= shape.length)
    throw new ShapeError(operation, [shape], `there is no axis ${axis}`)
  return index
}

/** The shape with one axis replaced by another length. */
export const withAxis = (shape: Shape, axis: number, length: number): Shape =>
  shape.map((old, index) => (index === axis ? length : old))
