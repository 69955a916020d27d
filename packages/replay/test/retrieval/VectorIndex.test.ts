import * as fc from "fast-check"
import { assert, describe, it } from "@effect/vitest"
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as VectorIndex from "../../src/retrieval/VectorIndex.ts"

const name = "tester"
type Entry = VectorIndex.Entry
type Query = VectorIndex.Query

const entryOf = (sequence: number, vector: ReadonlyArray<number>, more: Partial<Entry> = {}) => ({
  sequence,
  vector: Float32Array.from(vector),
  isReal: true,
  task: "task",
  environment: "room",
  trajectory: `t${sequence}`,
  quality: 1,
  version: 0,
  ...more
})

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, d) => sum + x * (b[d] ?? 0), 0)
const cosine = (a: Float32Array, b: Float32Array) =>
  dot(a, b) === 0 ? 0 : dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

const passes = (query: Query, entry: Entry) =>
  (query.source === undefined || entry.isReal === (query.source === "Real")) &&
  (query.task === undefined || entry.task === query.task) &&
  (query.environment === undefined || entry.environment === query.environment) &&
  entry.quality >= (query.leastQuality ?? -Infinity) &&
  entry.version >= (query.leastVersion ?? -Infinity) &&
  entry.trajectory !== query.excludeTrajectory

/** The same search as it is defined, in 64 bits. */
const bruteForce = (entries: ReadonlyArray<Entry>, query: Query) =>
  entries
    .filter((entry) => passes(query, entry))
    .map((entry) => ({ ...entry, similarity: cosine(query.vector, entry.vector) }))
    .sort(
      (a, b) =>
        Math.round((b.similarity - a.similarity) * 1e13) ||
        Number(b.isReal) - Number(a.isReal) ||
        a.sequence - b.sequence
    )
    .slice(0, query.k)

const optional = <A>(values: fc.Arbitrary<A>) => fc.option(values, { nil: undefined })

/** Few different vectors, so that there are ties; scales that 32 bits of a sum do not hold. */
const world = fc
  .record({ dimension: fc.integer({ min: 1, max: 40 }), seed: fc.nat(), size: fc.nat(300) })
  .chain(({ dimension, seed, size }) => {
    const random = Seed.generator(seed)
    const numbers = () =>
      Float32Array.from({ length: dimension }, () => Math.round(random() * 4 - 2))
    const some = Array.from({ length: 30 }, numbers)
    const scales = [1, 1, 1e-30, 3e30, 0.3]
    const pick = <A>(list: ReadonlyArray<A>) => list[Seed.below(random, list.length)]
    const scaled = () => {
      const scale = pick(scales) ?? 1
      return (pick(some) ?? numbers()).map((x) => x * scale)
    }
    const entries = Array.from({ length: size }, (_, sequence) => ({
      ...entryOf(sequence, []),
      vector: random() < 0.5 ? scaled() : numbers().map((x) => x + random()),
      isReal: random() < 0.4,
      task: `task${Seed.below(random, 8)}`,
      environment: `environment${Seed.below(random, 3)}`,
      trajectory: `t${Seed.below(random, 20)}`,
      quality: Seed.below(random, 21) / 20,
      version: Seed.below(random, 4)
    }))
    const query = fc.record({
      k: fc.nat(12),
      vector: fc.constantFrom(
        ...some,
        new Float32Array(dimension),
        ...entries.map(({ vector }) => vector)
      ),
      source: optional(fc.constantFrom("Real" as const, "Synthetic" as const)),
      task: optional(fc.constantFrom("task1", "task2", "unknown")),
      environment: optional(fc.constantFrom("environment0", "environment1", "unknown")),
      leastQuality: optional(fc.constantFrom(0, 0.33, 0.5, 0.95, 1, 1.5)),
      leastVersion: optional(fc.nat(4)),
      excludeTrajectory: optional(fc.constantFrom("t1", "t2", "unknown"))
    })
    return fc.record({
      dimension: fc.constant(dimension),
      entries: fc.constant(entries),
      queries: fc.array(query.map(defined), { minLength: 1, maxLength: 9 })
    })
  })

const defined = (query: { readonly [K in keyof Query]: Query[K] | undefined }): Query => {
  const found = Object.entries(query).filter(([, value]) => value !== undefined)
  return Object.assign({ k: 0, vector: new Float32Array() }, Object.fromEntries(found))
}

describe("the nearest vectors", () => {
  it("are those of brute force in 64 bits, whatever is filtered, removed and used again", () => {
    fc.assert(
      fc.property(world, ({ dimension, entries, queries }) => {
        const held = new Map<number, Entry>()
        const found = Effect.runSync(
          Effect.gen(function* () {
            const index = yield* VectorIndex.make({ embedder: name, dimension })
            yield* index.add(name, entries)
            const gone = entries.flatMap(({ sequence }) => (sequence % 3 === 0 ? [sequence] : []))
            index.remove([...gone, ...gone, -5])
            const back = entries.filter(({ sequence }) => sequence % 6 === 0)
            // Some are replaced that are still there.
            const anew = [...back, ...entries.slice(1, 3)].map((one) => ({ ...one, task: "task1" }))
            yield* index.add(name, anew)
            for (const one of entries) if (one.sequence % 3 !== 0) held.set(one.sequence, one)
            for (const one of anew) held.set(one.sequence, one)
            assert.strictEqual(index.size(), held.size)
            return yield* index.search(name, queries)
          })
        )
        queries.forEach((query, i) => {
          const expected = bruteForce([...held.values()], query)
          const got = found[i] ?? []
          assert.strictEqual(got.length, expected.length)
          got.forEach(({ sequence, similarity }, at) => {
            const own = held.get(sequence)
            assert.isTrue(own !== undefined && passes(query, own))
            const exact = own === undefined ? Number.NaN : cosine(query.vector, own.vector)
            assert.approximately(similarity, exact, 1e-13)
            assert.approximately(similarity, expected[at]?.similarity ?? Number.NaN, 1e-13)
          })
        })
      }),
      { seed: 4, numRuns: 150 }
    )
  })

  it("are all found among thousands, one by one and side by side (recall 1)", () => {
    const random = Seed.generator(3)
    const dimension = 100
    const vectorOf = () => Array.from({ length: dimension }, () => random() - 0.5)
    const entries = Array.from({ length: 9000 }, (_, i) =>
      entryOf(i, vectorOf(), { quality: random(), isReal: random() < 0.5 })
    )
    const queries = Array.from({ length: 11 }, (_, i) => ({
      vector: Float32Array.from(vectorOf()),
      k: 8,
      ...(i < 6 ? {} : { source: "Real" as const, leastQuality: 0.3 })
    }))
    const program = Effect.gen(function* () {
      const index = yield* VectorIndex.make({ embedder: name, dimension })
      yield* index.add(name, entries)
      const single = yield* Effect.forEach(queries, (query) => index.search(name, [query]))
      assert.deepStrictEqual(yield* index.search(name, queries), single.flat())
      return single.flat()
    })
    const wanted = queries.map((query) => bruteForce(entries, query).map((one) => one.sequence))
    const found = Effect.runSync(program).map((list) => list.map((one) => one.sequence))
    assert.deepStrictEqual(found, wanted)
  })

  it("are told apart where 32 bits cannot", () => {
    const random = Seed.generator(8)
    const dimension = 384
    const vector = Array.from({ length: dimension }, () => Math.fround(random() - 0.5))
    // One number of each is changed a little, ever another one: the cosines differ by less than 1e-7.
    const entries = Array.from({ length: 300 }, (_, i) =>
      entryOf(
        i,
        vector.map((x, d) => (d === i ? Math.fround(x * (1 + 1e-4)) : x))
      )
    )
    const query = { vector: Float32Array.from(vector, (x) => x + 0.1 * random()), k: 5 }
    const program = Effect.gen(function* () {
      const index = yield* VectorIndex.make({ embedder: name, dimension })
      yield* index.add(name, entries)
      return (yield* index.search(name, [query])).flat().map(({ sequence }) => sequence)
    })
    const wanted = bruteForce(entries, query).map(({ sequence }) => sequence)
    assert.deepStrictEqual(Effect.runSync(program), wanted)
  })

  it("of equally similar ones are the real, then the older, though slots are used again", () => {
    const same = [3, 1, 2]
    const entries = [
      entryOf(9, same, { isReal: false }),
      entryOf(8, same),
      entryOf(7, [0, 0, 0]),
      entryOf(3, [6, 2, 4]),
      entryOf(5, same, { isReal: false }),
      ...Array.from({ length: 200 }, (_, i) => entryOf(i + 10, same))
    ]
    const program = Effect.gen(function* () {
      const index = yield* VectorIndex.make({ embedder: name, dimension: 3 })
      yield* index.add(name, entries.slice(0, 4))
      index.remove([8, 9])
      yield* index.add(name, entries)
      index.remove(Array.from({ length: 200 }, (_, i) => i + 10))
      const queries = [same, [0, 0, 0]].map((vector) => ({
        vector: Float32Array.from(vector),
        k: 9
      }))
      return (yield* index.search(name, queries)).map((list) => list.map((one) => one.sequence))
    })
    assert.deepStrictEqual(Effect.runSync(program), [
      [3, 8, 5, 9, 7],
      [3, 7, 8, 5, 9]
    ])
  })

  it("come back as rows, from which the same index can be made", () => {
    const entries = [1, 2, 3].map((sequence) => entryOf(sequence, [sequence, 1, 8]))
    const program = Effect.gen(function* () {
      const index = yield* VectorIndex.make({ embedder: name, dimension: 3 })
      yield* index.add(name, entries)
      index.remove([2])
      return [...index.rows()].map(({ sequence, vector }) => ({ sequence, vector: [...vector] }))
    })
    const wanted = entries.map(({ sequence, vector }) => ({ sequence, vector: [...vector] }))
    assert.deepStrictEqual(Effect.runSync(program), [wanted[0], wanted[2]])
  })
})

describe("an index refuses", () => {
  const failure = (
    run: (index: VectorIndex.VectorIndex) => Effect.Effect<unknown, VectorIndex.VectorIndexError>
  ) =>
    Effect.runSync(
      Effect.gen(function* () {
        const index = yield* VectorIndex.make({ embedder: name, dimension: 2, limitBytes: 2 ** 18 })
        yield* index.add(name, [entryOf(1, [1, 2])])
        const error = yield* Effect.flip(run(index))
        assert.strictEqual(index.size(), 1)
        const [found] = yield* index.search(name, [{ vector: Float32Array.of(2, 1), k: 3 }])
        assert.strictEqual(found?.length, 1)
        return error
      })
    )

  it("vectors of another dimension or embedder, and names both", () => {
    const long = failure((index) => index.add(name, [entryOf(2, [1, 2]), entryOf(3, [1, 2, 3])]))
    assert.strictEqual(long.reason, "WrongDimension")
    assert.include(long.message, "3 numbers, those of tester have 2")
    const query = { vector: Float32Array.of(1), k: 1 }
    assert.strictEqual(failure((index) => index.search(name, [query])).reason, "WrongDimension")
    const foreign = failure((index) => index.add("other", []))
    assert.strictEqual(foreign.reason, "WrongEmbedder")
    assert.include(foreign.message, "other cannot be compared with those of tester")
  })

  it("numbers that are not finite", () => {
    for (const [vector, quality] of [
      [[1, Number.NaN], 1],
      [[Infinity, 1], 1],
      [[1, 2], Number.NaN]
    ] as const) {
      const error = failure((index) => index.add(name, [entryOf(2, vector, { quality })]))
      assert.strictEqual(error.reason, "NotFinite")
    }
  })

  it("more than its memory holds, and keeps what it has", () => {
    const many = Array.from({ length: 9000 }, (_, i) => entryOf(i + 2, [1, i]))
    const error = failure((index) => index.add(name, many))
    assert.strictEqual(error.reason, "OutOfMemory")
    assert.include(error.message, "9001 vectors of 8 numbers do not fit in 262144 bytes")
  })
})
