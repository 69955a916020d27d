/** What is asked and found in the tests of search, and the plain way of finding it. */
import { type Embedder, ReplayBuffer as Contract } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import type * as Kept from "../../src/Kept.ts"
import type { Query } from "../../src/retrieval/VectorIndex.ts"
import { trajectoryOf } from "../disk.ts"
import { rejected } from "../storePlace.ts"

export const dimension = 16

type Sql = (text: string) => Effect.Effect<ReadonlyArray<object>>

export const tableIn = (sql: Sql) =>
  Effect.map(
    sql("select '@.vectors_' || id as name from @.vector_space"),
    (rows) => (rows as unknown as ReadonlyArray<{ name: string }>)[0]?.name ?? ""
  )

/** Three numbers of few values, so that many are equal, some empty, and some of a length that 32 bits cannot square. */
export const counted = (length = 3): Embedder.Embedder & { readonly texts: () => number } => {
  let count = 0
  return {
    name: "few values",
    dimension: length,
    texts: () => count,
    embed: (texts) =>
      Effect.sync(() => {
        count += texts.length
        return texts.map((text) => vectorOf(text, length))
      })
  }
}

const vectorOf = (text: string, length: number): Float32Array => {
  const units = [...text].map((one) => one.charCodeAt(0))
  if (text.length % 5 === 0) return new Float32Array(length)
  const scale = [1, 3, 1e-25, 1e30][units.reduce((sum, unit) => sum + unit, 0) % 4] ?? 1
  return Float32Array.from(
    { length },
    (_, d) =>
      ((((units[d % units.length] ?? 0) * (d + 1)) % 4) - 1.5 + (text.length % 3 === 0 ? 0 : 0.5)) *
      scale
  )
}

const words = fc.constantFrom("a", "bb", "cup", "door", "\u0000", "\ud800", "take \u0001")

export const byTask: Kept.Quality = ({ task }) => task.id.length

export const anyTrajectory = fc
  .record({
    id: words,
    environment: words,
    isReal: fc.boolean(),
    isRejected: fc.boolean(),
    policyVersion: fc.nat(3),
    turns: fc.array(fc.tuple(words, words), { maxLength: 3 })
  })
  .map(({ id, isRejected, ...how }) => {
    const one = trajectoryOf(id, how)
    return isRejected ? { ...one, verdict: rejected(id).verdict! } : one
  })

/** More of the same than a question has room for. */
export const crowd = Array.from({ length: 200 }, (_, i) =>
  trajectoryOf(`${i % 7}`, {
    isReal: i % 3 === 0,
    policyVersion: i % 4,
    environment: i % 2 === 0 ? "a" : "cup",
    turns: [
      [`take ${i}`, "a"],
      [`${i} times`, "cup"]
    ]
  })
)

export const question: fc.Arbitrary<Contract.SimilarQuery> = fc.record(
  {
    state: words,
    action: words,
    // Rarely, because whoever asks beside it is shown as many.
    k: fc.oneof({ weight: 40, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.constant(1e300) }),
    source: fc.constantFrom("Real", "Synthetic"),
    environment: words,
    task: words,
    leastQuality: fc.constantFrom(1, 3, Number.NaN, Number.NEGATIVE_INFINITY),
    leastVersion: fc.constantFrom(-1, 1, 1.5),
    excludeTrajectory: words.map((id) => `trajectory-${id}`)
  },
  { requiredKeys: ["state", "action", "k"] }
)

export const told = ({ id, similarity, transition }: Contract.Demonstration) => [
  id,
  transition,
  Math.round(similarity * 1e9)
]

export const adding = (...list: ReadonlyArray<ReturnType<typeof trajectoryOf>>) =>
  Contract.ReplayBuffer.use((buffer) => buffer.add(list))

export const asking = (state: string) =>
  Contract.ReplayBuffer.use((buffer) =>
    Effect.map(buffer.similar({ state, action: "take", k: 9 }), (found) =>
      found.map(({ task }) => task.id).toSorted()
    )
  )

export const readAll = (kept: Kept.Kept, space: Kept.Space) =>
  Effect.gen(function* () {
    const list: Array<Kept.Embedded> = []
    yield* kept.vectors!.read(space, (some) => Effect.sync(() => void list.push(...some)))
    return list
  })

export const near = (kept: Kept.Kept, space: Kept.Space, queries: ReadonlyArray<Query>) =>
  Effect.gen(function* () {
    const search = kept.vectors!.search!(space)!
    yield* search.known(kept.entries().map(({ seq }) => seq))
    return (yield* search.nearest(queries)) ?? []
  })

export const placesOf = (list: ReadonlyArray<Kept.Near>) =>
  list.map(({ index, seq }) => `${seq}#${index}`)

export const episode = (i: number) =>
  trajectoryOf(`t${i}`, {
    isReal: i % 3 === 0,
    policyVersion: i % 5,
    environment: i % 2 === 0 ? "room" : "shop",
    turns: Array.from({ length: 10 }, (_, turn) => [`act ${turn}`, `seen ${turn}`] as const)
  })

export const filters: ReadonlyArray<Partial<Query>> = [
  {},
  { source: "Real", environment: "shop" },
  { task: "t17" },
  { leastVersion: 3, excludeTrajectory: "trajectory-t8" }
]

interface Row {
  readonly seq: number
  readonly index: number
  readonly vector: Float32Array
}

export const bruteForce = (
  query: Query,
  rows: ReadonlyArray<Row>,
  entries: ReadonlyMap<number, Kept.Entry>
) => {
  const passes = ({ seq }: Row): boolean => {
    const one = entries.get(seq)
    return (
      one !== undefined &&
      (query.source === undefined || one.isReal === (query.source === "Real")) &&
      (query.environment === undefined || one.environment === query.environment) &&
      (query.task === undefined || one.task === query.task) &&
      one.version >= (query.leastVersion ?? -1) &&
      one.id !== query.excludeTrajectory
    )
  }
  const cosine = ({ vector }: Row): number => {
    let [dot, a, b] = [0, 0, 0]
    vector.forEach((x, d) => {
      const y = query.vector[d] ?? 0
      dot += x * y
      a += x * x
      b += y * y
    })
    return dot / Math.sqrt(a * b)
  }
  return placesOf(
    rows
      .filter(passes)
      .map((row) => ({ ...row, similarity: cosine(row) }))
      .toSorted((a, b) => b.similarity - a.similarity)
      .slice(0, query.k)
  )
}

export const seeded = (seed: number) => {
  let state = seed
  return () => (state = (state * 48271) % 2147483647) / 2147483647
}

export const gaussian = (random: () => number, length: number): ReadonlyArray<number> =>
  Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
  )
