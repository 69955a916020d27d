/**
 * The buffer's work done by LanceDB 0.39: figures to hold ours against, taken in the same run.
 * It is no part of the buffer, and its package is installed only when it is asked for (`../lancedb.ts`).
 */
import type { Figure } from "../../../../scripts/figures.ts"
import { attributesOf, dimension, figure, median, rate, vectors } from "../measure.ts"

/** As much of LanceDB as is used here. */
export interface LanceDb {
  readonly connect: (directory: string) => Promise<{
    readonly createTable: (name: string, rows: Rows) => Promise<Table>
    readonly openTable: (name: string) => Promise<Table>
  }>
}

type Rows = Array<Record<string, unknown>>

interface Query {
  readonly where: (filter: string) => Query
  readonly limit: (count: number) => Query
  readonly toArray: () => Promise<ReadonlyArray<unknown>>
}

interface Table {
  readonly add: (rows: Rows) => Promise<unknown>
  readonly query: () => Query
  readonly vectorSearch: (vector: Float32Array) => {
    readonly distanceType: (type: "cosine") => Query
  }
}

const count = 100_000
const together = 2000
const filler = "the quick brown fox jumps over the lazy dog and runs along the river. ".repeat(8)

const rowOf = (n: number, next: () => Float32Array) => {
  const { isReal, quality, task } = attributesOf(n)
  return {
    seq: n,
    source: isReal ? "real" : "synthetic",
    quality,
    task,
    trajectory: `t${n >> 3}`,
    action: `take thing ${n % 8} of ${n >> 3}`,
    next_observation: `${n} ${filler}`,
    vector: next().slice()
  }
}

const timed = async <A>(work: () => Promise<A>): Promise<number> => {
  const began = performance.now()
  await work()
  return performance.now() - began
}

const times = async (length: number, work: (i: number) => Promise<unknown>): Promise<number> => {
  const taken: Array<number> = []
  for (let i = 0; i < length; i++) taken.push(await timed(() => work(i)))
  return median(taken)
}

/** Figures of 100k rows of text and vector in `directory`. Rows are made before the clock starts. */
export const beside = async (
  lancedb: LanceDb,
  directory: string
): Promise<ReadonlyArray<Figure>> => {
  const next = vectors(1)
  const connection = await lancedb.connect(directory)
  const table = await connection.createTable("steps", [rowOf(0, next)])
  let bulk = 0
  for (let at = 1; at < count; at += together) {
    const rows = Array.from({ length: Math.min(together, count - at) }, (_, i) =>
      rowOf(at + i, next)
    )
    bulk += await timed(() => table.add(rows))
  }
  const single = await times(30, (i) => table.add([rowOf(count + i, next)]))
  const fetch = await times(10, (i) => {
    const seqs = Array.from({ length: 256 }, (_, j) => ((i * 256 + j) * 7919) % count)
    return table.query().where(`seq in (${seqs.join()})`).toArray()
  })
  const search = await times(15, () =>
    table
      .vectorSearch(next().slice())
      .distanceType("cosine")
      .where("source = 'real' and quality >= 0.5")
      .limit(8)
      .toArray()
  )
  const opening = await timed(async () => (await lancedb.connect(directory)).openTable("steps"))
  return [
    rate("LanceDB: 100k steps with vectors in bulk", 15_000, (count / bulk) * 1000),
    figure("LanceDB: one step, p50", "ms", 5, single),
    figure("LanceDB: 256 steps by number, p50", "ms", 5, fetch),
    figure(
      `LanceDB: filtered exact query among 100k of ${dimension} numbers, p50`,
      "ms",
      10,
      search
    ),
    figure("LanceDB: open", "ms", 50, opening)
  ]
}
