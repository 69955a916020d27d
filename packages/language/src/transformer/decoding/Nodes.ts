/**
 * Nodes of an ONNX model written one after another, also inside the nodes that hold graphs.
 * It saves words only; what is computed is decided where it is used.
 */
import { OnnxGraph, type Parameters } from "@dreamgym/graph"

type Attributes = Readonly<Record<string, OnnxGraph.Attribute>>

/** A whole number as an attribute. */
export const int = (value: number): OnnxGraph.Attribute => ({ int: value })

/** A number as an attribute. */
export const float = (value: number): OnnxGraph.Attribute => ({ float: value })

const axis = (at: number): Attributes => ({ axis: int(at) })

/** Writes into `graph`, which lies in `model` or is it; constants are all kept by `model`. */
export class Nodes {
  readonly model: OnnxGraph.OnnxGraph
  readonly graph: OnnxGraph.OnnxGraph

  constructor(model = new OnnxGraph.OnnxGraph(), graph = model) {
    this.model = model
    this.graph = graph
  }

  /** A graph for an attribute of a node of this one; it sees all that this one has. */
  inside(prefix: string): Nodes {
    return new Nodes(this.model, new OnnxGraph.OnnxGraph(prefix))
  }

  op(op: string, inputs: ReadonlyArray<string>, attributes: Attributes = {}): string {
    return this.graph.result(op, inputs, attributes)
  }

  /** One of Microsoft's contributed operators. */
  contributed(op: string, inputs: ReadonlyArray<string>, attributes: Attributes): string {
    const outputs = [this.graph.name()]
    return this.graph.node({ op, inputs, outputs, attributes, contributed: true })
  }

  integers(...values: ReadonlyArray<number>): string {
    return this.model.integers(values)
  }

  /** One int64 without an axis. */
  integer(value: number): string {
    return this.model.integers([value], [])
  }

  floats(...values: ReadonlyArray<number>): string {
    return this.model.floats(values)
  }

  reshape(x: string, ...shape: ReadonlyArray<number>): string {
    return this.op("Reshape", [x, this.integers(...shape)])
  }

  transpose(x: string, order: ReadonlyArray<number>): string {
    return this.op("Transpose", [x], { perm: { ints: order } })
  }

  concat(parts: ReadonlyArray<string>, at: number): string {
    return this.op("Concat", parts, axis(at))
  }

  gather(table: string, rows: string): string {
    return this.op("Gather", [table, rows], axis(0))
  }

  softmax(x: string): string {
    return this.op("Softmax", [x], axis(-1))
  }

  /** A part of the last axis, from `from` up to before `to`: the names of numbers [1]. */
  lastAxis(x: string, from: string, to: string): string {
    return this.op("Slice", [x, from, to, this.integers(-1)])
  }

  /** Sums over the last axis, which stays with length 1. */
  sum(x: string): string {
    return this.op("ReduceSum", [x, this.integers(-1)], { keepdims: int(1) })
  }

  cast(x: string, type: keyof typeof OnnxGraph.typeCodes): string {
    return this.op("Cast", [x], { to: int(OnnxGraph.typeCodes[type]) })
  }

  /** One of two values, of which only the one that is wanted is computed. */
  choose(
    condition: string,
    yes: (inside: Nodes) => string,
    no: (inside: Nodes) => string,
    port: OnnxGraph.Port
  ): string {
    const branch = (write: (inside: Nodes) => string) => {
      const inside = this.inside(`${this.graph.name()} `)
      inside.graph.output(write(inside), port)
      return { graph: inside.graph }
    }
    return this.op("If", [condition], { then_branch: branch(yes), else_branch: branch(no) })
  }

  /** Whether any of these truths holds along the axes (none named: along all), which go. */
  any(truths: string, axes: ReadonlyArray<string>): string {
    const inputs = [this.cast(truths, "float32"), ...axes]
    return this.cast(this.op("ReduceMax", inputs, { keepdims: int(0) }), "bool")
  }

  /** The length of one axis, [1]. */
  length(x: string, at: number): string {
    return this.op("Shape", [x], { start: int(at), end: int(at + 1) })
  }

  /** The numbers 0, 1, ... before `count` [1]. */
  range(count: string): string {
    const scalar = this.op("Squeeze", [count])
    return this.op("Range", [this.integer(0), scalar, this.integer(1)])
  }

  /** Parts of the last axis. */
  split(x: string, ...sizes: ReadonlyArray<number>): ReadonlyArray<string> {
    const outputs = sizes.map(() => this.graph.name())
    const inputs = [x, this.integers(...sizes)]
    this.graph.node({ op: "Split", inputs, outputs, attributes: axis(-1) })
    return outputs
  }
}

/** Writes learnt tensors into a model, each once: those of several names one below the other. */
export type Constants = (...names: ReadonlyArray<string>) => string

/**
 * Learnt tensors as they are now. As constants the runtime lays them out for its kernels once: at 16
 * rows a step takes 0.8 of the time that it takes with inputs.
 */
export const constants = (
  model: OnnxGraph.OnnxGraph,
  { arrays, shapes }: Parameters.Parameters
): Constants => {
  const written = new Set<string>()
  return (...names) => {
    const name = names.join("+")
    if (written.has(name)) return name
    written.add(name)
    const parts = names.map((part) => arrays[part] ?? new Float32Array(0))
    const [rows = 0, ...width] = shapes[names[0] ?? ""] ?? []
    const total = names.reduce((sum, part) => sum + (shapes[part]?.[0] ?? 0), 0)
    const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      data.set(part, at)
      at += part.length
    }
    const shape = [names.length === 1 ? rows : total, ...width]
    return model.initializer(name, data, { shape, type: "float32" })
  }
}
