/**
 * How fast the replay buffer draws, finds, begins and stores: `npm run bench -- replay`.
 * It says nothing of what is found; `test/retrieval` does.
 *
 * Vectors have 384 numbers around 2,000 centres; a filter `real and quality at least 0.5` leaves 15 % of them.
 */
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import * as VectorIndex from "../src/retrieval/VectorIndex.ts"
import * as SumTree from "../src/sampling/SumTree.ts"
import { lancedb } from "./lancedb.ts"
import { attributesOf, dimension, figure, median, rate, vectors } from "./measure.ts"
import { storing } from "./storing.ts"

const embedder = "bench"

/** The median of five times `count` draws, in draws per second. */
const drawsPerSecond = (tree: SumTree.SumTree): number => {
  const count = 500_000
  const random = Seed.generator(2)
  const taken = Array.from({ length: 5 }, () => {
    const began = performance.now()
    for (let i = 0; i < count; i++) tree.find(random())
    return performance.now() - began
  })
  return (count / median(taken)) * 1000
}

const sizes = [
  ["10k", 10_000],
  ["1M", 1_000_000],
  ["10M", 10_000_000]
] as const

const draws = (): ReadonlyArray<Figure> =>
  sizes.flatMap(([name, size]) => {
    const random = Seed.generator(1)
    const uniform = SumTree.make(size, "ZeroOrOne")
    const prioritised = SumTree.make(size)
    for (let slot = 0; slot < size; slot++) {
      uniform.update(slot, 1)
      prioritised.update(slot, random() ** 0.6)
    }
    return [
      rate(`uniform draws from ${name}`, 2e6, drawsPerSecond(uniform)),
      rate(`prioritised draws from ${name}`, 1e6, drawsPerSecond(prioritised))
    ]
  })

const entryOf = (sequence: number, vector: Float32Array): VectorIndex.Entry => ({
  sequence,
  vector,
  ...attributesOf(sequence),
  environment: "bench",
  trajectory: `t${Math.floor(sequence / 20)}`,
  version: 0
})

const filled = Effect.fnUntraced(function* (count: number) {
  const index = yield* VectorIndex.make({ embedder, dimension })
  const next = vectors(1)
  for (let sequence = 0; sequence < count; sequence++) {
    yield* index.add(embedder, [entryOf(sequence, next())])
  }
  return index
})

const queriesOf = (count: number, seed: number): ReadonlyArray<VectorIndex.Query> => {
  const next = vectors(seed)
  const filter = { source: "Real", leastQuality: 0.5, k: 8 } as const
  return Array.from({ length: count }, (_, i) => ({
    ...filter,
    vector: next().slice(),
    excludeTrajectory: `t${i}`
  }))
}

/** The median time of a search for `count` queries at once, in milliseconds per query. */
const perQuery = Effect.fnUntraced(function* (
  index: VectorIndex.VectorIndex,
  count: number,
  times: number
) {
  const taken: Array<number> = []
  for (let i = 0; i < times; i++) {
    const queries = queriesOf(count, 100 + i)
    const began = performance.now()
    yield* index.search(embedder, queries)
    taken.push((performance.now() - began) / count)
  }
  return median(taken)
})

const retrieval = Effect.gen(function* () {
  const index = yield* filled(100_000)
  return [
    figure("filtered query among 100k, p50", "ms", 10, yield* perQuery(index, 1, 50)),
    figure("the same, each of 64 at once, p50", "ms", 2, yield* perQuery(index, 64, 9))
  ]
})

/** The index alone; how it begins from a store is in `storing`. */
const amongMillion = Effect.gen(function* () {
  const index = yield* filled(1_000_000)
  return [figure("filtered query among 1M, p50", "ms", 100, yield* perQuery(index, 1, 9))]
})

const bench: Bench = async () => [
  ...draws(),
  ...(await Effect.runPromise(retrieval)),
  ...(await Effect.runPromise(amongMillion)),
  ...(await Effect.runPromise(storing("100k", 12_500))),
  ...(await Effect.runPromise(storing("1M", 125_000))),
  ...(await lancedb())
]

export default bench
