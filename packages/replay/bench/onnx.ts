/**
 * The same search as a graph: one MatMul over all vectors, the filter added as -1e9, and TopK, through the package `graph`.
 * It shows what the scan in WebAssembly is worth; the buffer does not use it.
 */
import * as Effect from "effect/Effect"
import type { Figure } from "../../../scripts/figures.ts"
import { Op, Session } from "../../graph/src/index.ts"
import { attributesOf, dimension, figure, median, took, vectors } from "./measure.ts"

const count = 100_000
const k = 8

const shared = (length: number) =>
  new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT))

/** Unit vectors as columns, and what the filter adds to each. */
const columns = () => {
  const [table, barred] = [shared(dimension * count), shared(count)]
  const next = vectors(1)
  for (let n = 0; n < count; n++) {
    const vector = next()
    const length = Math.hypot(...vector)
    for (let d = 0; d < dimension; d++) table[d * count + n] = (vector[d] ?? 0) / length
    const { isReal, quality } = attributesOf(n)
    barred[n] = isReal && quality >= 0.5 ? 0 : -1e9
  }
  return { table, barred }
}

/** The median time of a search for `queries` at once, in milliseconds per query. */
const perQuery = Effect.fnUntraced(function* (queries: number, times: number) {
  const pool = yield* Session.SessionPool
  const asked = Op.input("asked", [queries, dimension])
  const scores = Op.add(
    Op.matMul(asked, Op.input("table", [dimension, count])),
    Op.input("barred", [1, count])
  )
  const best = Op.topValues(scores, k)
  const session = yield* pool.compile({ best, at: Op.topPositions(best) }, { bind: columns() })
  const next = vectors(100)
  const taken: Array<number> = []
  for (let i = 0; i < times; i++) {
    const rows = new Float32Array(queries * dimension)
    for (let at = 0; at < rows.length; at += dimension) rows.set(next(), at)
    taken.push((yield* took(session.run({ asked: rows }))) / queries)
  }
  return median(taken)
}, Effect.scoped)

export const onnx: Effect.Effect<ReadonlyArray<Figure>, unknown> = Effect.gen(function* () {
  const one = yield* perQuery(1, 15)
  const many = yield* perQuery(64, 5)
  return [
    figure("filtered query among 100k as MatMul and TopK, p50", "ms", 10, one),
    figure("the same as MatMul and TopK, each of 64 at once, p50", "ms", 2, many)
  ]
}).pipe(Effect.provide(Session.layer({ workers: 1 })))
