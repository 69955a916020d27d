/**
 * How fast the replay buffer draws, finds, begins and stores: `npm run bench -- replay`.
 * It says nothing of what is found; `test/retrieval` does.
 *
 * Vectors have 384 numbers around 2,000 centres; a filter `real and quality at least 0.5` leaves 15 % of them.
 */
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import * as SideCar from "../src/retrieval/SideCar.ts"
import * as VectorIndex from "../src/retrieval/VectorIndex.ts"
import * as SumTree from "../src/sampling/SumTree.ts"
import { disk } from "../test/disk.ts"
import { filesOf } from "../test/retrieval/files.ts"
import { storing } from "./storing.ts"

const dimension = 384
const embedder = "bench"

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

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
      figure(`uniform draws from ${name}`, "1/s", 2e6, drawsPerSecond(uniform), true),
      figure(`prioritised draws from ${name}`, "1/s", 1e6, drawsPerSecond(prioritised), true)
    ]
  })

const figure = (
  name: string,
  unit: string,
  goal: number,
  value: number,
  higherIsBetter = false
): Figure => ({ name, unit, goal, higherIsBetter, value })

/** Makes vectors one after the other; what it answers is written over by the next call. */
const vectors = (seed: number) => {
  const random = Seed.generator(seed)
  const normal = () => random() + random() + random() - 1.5
  const noise = Float32Array.from({ length: 1 << 16 }, normal)
  const centres = Array.from({ length: 2000 }, () =>
    Float32Array.from({ length: dimension }, normal)
  )
  const vector = new Float32Array(dimension)
  return () => {
    const centre = centres[Seed.below(random, centres.length)] ?? vector
    const start = Seed.below(random, noise.length - dimension)
    for (let d = 0; d < dimension; d++) vector[d] = (centre[d] ?? 0) + 0.5 * (noise[start + d] ?? 0)
    return vector
  }
}

const entryOf = (sequence: number, vector: Float32Array): VectorIndex.Entry => ({
  sequence,
  vector,
  isReal: sequence % 10 < 3,
  quality: ((sequence * 7919) % 1000) / 1000,
  task: `task${sequence % 200}`,
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

const million = 1_000_000

/** Time to read the side-car of a million and make the index of it; the store's columns are taken as known. */
const rebuild = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-bench-"))),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
  )
  const file = `${directory}/vectors`
  const contents = { embedder, dimension, count: million, greatest: million - 1 }
  const next = vectors(1)
  const rows = function* () {
    for (let sequence = 0; sequence < million; sequence++) yield { sequence, vector: next() }
  }
  yield* SideCar.write(file, contents, rows())
  const index = yield* VectorIndex.make({ embedder, dimension })
  const began = performance.now()
  yield* SideCar.read(file, contents, (some) =>
    index.add(
      embedder,
      some.map(({ sequence, vector }) => entryOf(sequence, vector))
    )
  )
  const seconds = (performance.now() - began) / 1000
  return [
    figure("index of 1M from its side-car", "s", 5, seconds),
    figure("filtered query among 1M, p50", "ms", 100, yield* perQuery(index, 1, 9))
  ]
}).pipe(Effect.scoped, Effect.provide(filesOf(disk())))

const bench: Bench = async () => [
  ...draws(),
  ...(await Effect.runPromise(retrieval)),
  ...(await Effect.runPromise(rebuild)),
  ...(await Effect.runPromise(storing))
]

export default bench
