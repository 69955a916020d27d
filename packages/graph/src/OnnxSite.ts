/**
 * Where the ONNX nodes of one operation are written, and what a rule that writes them is.
 * The rules themselves are `OnnxRules`.
 */
import type { OnnxGraph } from "./OnnxGraph.ts"
import type * as Value from "./Value.ts"

/** Where a node is written: its inputs' names and the name that its result must get. */
export interface Site {
  readonly graph: OnnxGraph
  readonly inputs: ReadonlyArray<string>
  readonly output: string
  /** Whether some node, such as `Statistic`, reads this kernel's further results. */
  readonly withByProducts: boolean
  /** Whether no kernel will be run by several threads. */
  readonly isSingleThreaded: boolean
  /** Whether kernels may be others than the CPU's. */
  readonly isPortable: boolean
}

/** Writes a node and says under which name its result is found. */
export type Rule<Tag extends Value.OpTag> = (node: Value.Node<Tag>, site: Site) => string

/** The name of a kernel's further result. */
export const byProduct = (
  producer: string,
  which: "mean" | "inverseDeviation" | "positions" | "key" | "value"
): string => `${producer}.${which}`
