/**
 * The buffer's search as a graph: one MatMul over all vectors, the filter added as -1e9, and TopK, on ONNX Runtime.
 * It shows what the buffer's scan in WebAssembly is worth, and lies here because the buffer's room knows no graphs.
 */
import { Seed } from "@dreamgym/domain"
import { Op, Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type { Bench, Figure } from "../../../scripts/figures.ts"

const count = 100_000
const dimension = 384
const k = 8

const shared = (length: number) =>
  new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT))

/** As the filter of the buffer's own figures. */
const passing = 0.15

/** Vectors as columns, and what the filter adds to each; a product costs the same whatever the numbers are. */
const columns = () => {
  const [table, barred] = [shared(dimension * count), shared(count)]
  const random = Seed.generator(1)
  for (let at = 0; at < table.length; at++) table[at] = random() - 0.5
  for (let n = 0; n < count; n++) barred[n] = random() < passing ? 0 : -1e9
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
  const random = Seed.generator(2)
  const taken: Array<number> = []
  for (let i = 0; i < times; i++) {
    const rows = Float32Array.from({ length: queries * dimension }, () => random() - 0.5)
    const began = performance.now()
    yield* session.run({ asked: rows })
    taken.push((performance.now() - began) / queries)
  }
  return taken.toSorted((a, b) => a - b)[taken.length >> 1] ?? Number.NaN
}, Effect.scoped)

const figureOf = (name: string, goal: number, value: number): Figure => ({
  name,
  goal,
  value,
  unit: "ms",
  higherIsBetter: false
})

const searches = Effect.gen(function* () {
  const one = yield* perQuery(1, 15)
  const many = yield* perQuery(64, 5)
  return [
    figureOf("filtered query among 100k as MatMul and TopK, p50", 10, one),
    figureOf("the same as MatMul and TopK, each of 64 at once, p50", 2, many)
  ]
}).pipe(Effect.provide(Session.layer({ workers: 1 })))

const bench: Bench = () => Effect.runPromise(searches)

export default bench
