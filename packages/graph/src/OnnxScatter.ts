/**
 * Rows added up into a table, three ways: the gradient of reading rows by their ids.
 * The ways agree up to rounding; which one is used is a matter of speed and of a fault in a kernel.
 */
import type { OnnxGraph } from "./OnnxGraph.ts"

/** `count` rows of `width` numbers and their ids, to be added into a table of `length` rows. */
export interface Scatter {
  readonly rows: string
  readonly ids: string
  readonly length: number
  readonly count: number
  readonly width: number
}

/**
 * The name of the table [length, width]. ScatterND is the fastest by far (0.12 ms for 4096 rows of 64
 * into 160), but with several threads it loses some of the repeats (runtime 1.30.0). Then a small table
 * is a product with one-hot columns (1.3 ms), and a large one is added by ScatterElements (2 ms).
 */
export const addedRows = (
  graph: OnnxGraph,
  scatter: Scatter,
  isSingleThreaded: boolean
): string => {
  const flat = graph.integers([scatter.count, scatter.width])
  const rows = graph.result("Reshape", [scatter.rows, flat])
  const added = isSingleThreaded ? byRows : scatter.length <= 256 ? byProduct : byElements
  return added(graph, { ...scatter, rows })
}

type Added = (graph: OnnxGraph, scatter: Scatter) => string

const column = (graph: OnnxGraph, { ids, count }: Scatter): string =>
  graph.result("Reshape", [ids, graph.integers([count, 1])])

const byRows: Added = (graph, scatter) => {
  const table = graph.zeros([scatter.length, scatter.width])
  const inputs = [table, column(graph, scatter), scatter.rows]
  return graph.result("ScatterND", inputs, { reduction: { text: "add" } })
}

const byProduct: Added = (graph, { rows, ids, length, count }) => {
  const list = graph.result("Reshape", [ids, graph.integers([count])])
  const inputs = [list, graph.integers([length]), graph.floats([0, 1])]
  const oneHot = graph.result("OneHot", inputs, { axis: { int: 0 } })
  return graph.result("Gemm", [oneHot, rows])
}

const byElements: Added = (graph, scatter) => {
  const { rows, length, count, width } = scatter
  const repeated = graph.result("Expand", [column(graph, scatter), graph.integers([count, width])])
  const inputs = [graph.zeros([length, width]), repeated, rows]
  return graph.result("ScatterElements", inputs, {
    axis: { int: 0 },
    reduction: { text: "add" }
  })
}
