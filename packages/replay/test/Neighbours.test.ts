import * as fc from "fast-check"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Embedding, Neighbours } from "../src/index.ts"

const dimension = 6
const vector = fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3), {
  minLength: dimension,
  maxLength: dimension
})
const entry = fc.record({ values: vector, isReal: fc.boolean(), isGone: fc.boolean() })

/** The same search, written as it is defined: weights, cosines, one sort. */
const bruteForce = (
  kept: ReadonlyArray<{ values: ReadonlyArray<number>; isReal: boolean; item: number }>,
  query: ReadonlyArray<number>,
  weighting: Embedding.Weighting
) => {
  const weights = query.map((_, d) => {
    const having = kept.filter(({ values }) => values[d] !== 0).length
    return weighting === "None" ? 1 : Math.log((1 + kept.length) / (1 + having)) + 1
  })
  const weighed = (values: ReadonlyArray<number>) => values.map((x, d) => x * (weights[d] ?? 0))
  const dot = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) =>
    a.reduce((sum, x, d) => sum + x * (b[d] ?? 0), 0)
  return kept
    .map(({ values, ...rest }) => {
      const [a, b] = [weighed(values), weighed(query)]
      const product = Math.sqrt(dot(a, a) * dot(b, b))
      return { ...rest, similarity: product === 0 ? 0 : dot(a, b) / product }
    })
    .sort(
      (a, b) =>
        Math.round((b.similarity - a.similarity) * 1e9) ||
        Number(b.isReal) - Number(a.isReal) ||
        a.item - b.item
    )
}

describe("the nearest", () => {
  it.each(["None", "InverseDocumentFrequency"] as const)(
    "are those of the definition: %s",
    (weighting) => {
      fc.assert(
        fc.property(
          fc.array(entry, { minLength: 1, maxLength: 80 }),
          vector,
          fc.nat(10),
          (entries, query, k) => {
            const neighbours = Neighbours.make<number>(dimension, weighting)
            const slots = entries.map(({ isReal, values }, item) =>
              neighbours.add(item, isReal, Float32Array.from(values))
            )
            entries.forEach(({ isGone }, i) => isGone && neighbours.remove(slots[i] ?? -1))
            const kept = entries.flatMap((one, item) => (one.isGone ? [] : [{ ...one, item }]))
            const wanted = (item: number) => item % 5 !== 0
            const expected = bruteForce(kept, query, weighting).filter(({ item }) => wanted(item))
            const found = neighbours.search(Float32Array.from(query), k, wanted)
            assert.strictEqual(found.length, Math.min(k, expected.length))
            found.forEach(({ item, similarity }, i) => {
              assert.approximately(similarity, expected[i]?.similarity ?? Number.NaN, 1e-9)
              const own = expected.find((one) => one.item === item)
              assert.approximately(similarity, own?.similarity ?? Number.NaN, 1e-9)
            })
          }
        ),
        { seed: 1, numRuns: 200 }
      )
    }
  )

  it("are found among many, each by its own vector", () => {
    const neighbours = Neighbours.make<number>(2, "None")
    const angles = Array.from({ length: 300 }, (_, i) => i / 300)
    const vectors = angles.map((angle) => Float32Array.of(Math.cos(angle), Math.sin(angle)))
    vectors.forEach((own, i) => neighbours.add(i, true, own))
    const found = vectors.map((own) => neighbours.search(own, 1, () => true)[0]?.item)
    assert.deepStrictEqual(found, [...angles.keys()])
  })

  it("of equal vectors are the real ones, then the oldest, though slots are used again", () => {
    const neighbours = Neighbours.make<string>(2, "None")
    const same = Float32Array.of(1, 1)
    const first = neighbours.add("gone", true, same)
    neighbours.add("dream", false, same)
    neighbours.add("real", true, same)
    neighbours.remove(first)
    neighbours.remove(first)
    neighbours.add("later", true, same)
    neighbours.add("last", true, same)
    const found = neighbours.search(same, 4, () => true)
    assert.deepStrictEqual(
      found.map(({ item }) => item),
      ["real", "later", "last", "dream"]
    )
  })
})

describe("the default encoder", () => {
  const encode = (state: string, action: string) =>
    Effect.runSync(Embedding.hashed(64).encode([{ state, action }]))[0] ?? new Float32Array()
  const squares = (part: Float32Array) => part.reduce((sum, x) => sum + x * x, 0)

  it("gives state and action one length each, apart from each other", () => {
    const vector = encode("a long state of very many words indeed", "take mug")
    assert.strictEqual(vector.length, 64)
    assert.approximately(squares(vector.subarray(0, 48)), 1, 1e-6)
    assert.approximately(squares(vector.subarray(48)), 1, 1e-6)
    assert.deepStrictEqual(encode("", "take mug").subarray(48), vector.subarray(48))
    assert.strictEqual(squares(encode("", "?!")), 0)
  })

  it("sees case and punctuation alike, but not the order of words", () => {
    assert.deepStrictEqual(encode("Mug 1, lamp", ""), encode("mug 1 LAMP.", ""))
    assert.notDeepEqual(encode("mug on lamp", ""), encode("lamp on mug", ""))
  })
})
