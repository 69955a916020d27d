import { Seed } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Transformer } from "../../src/index.ts"
import { inline } from "./transformer.ts"

const { Sampler } = Transformer
type Sampling = Transformer.Sampler.Sampling

/** What the sampler means, in float64 and without a graph: shares by id, and who is the best. */
const sharesOf = (
  logits: ReadonlyArray<number>,
  sampling: Sampling,
  allowed: ReadonlyArray<boolean>
) => {
  const heat = sampling.temperature === 0 ? 1 : sampling.temperature
  const scores = logits.map((logit, id) => (allowed[id] === true ? logit / heat : -Infinity))
  const ordered = scores.toSorted((a, b) => b - a)
  const best = ordered[0] ?? Number.NaN
  let least = -Infinity
  const weigh = (list: ReadonlyArray<number>) =>
    list.map((score) => (score >= least ? Math.exp(score - best) : 0))
  const sum = (list: ReadonlyArray<number>) => list.reduce((total, one) => total + one, 0)
  if (sampling.topK > 0) least = ordered[Math.min(sampling.topK, ordered.length) - 1] ?? least
  if (sampling.topP < 1) {
    const total = sum(weigh(scores))
    let before = 0
    let smallest = best
    for (const score of ordered) {
      if (before / total >= sampling.topP || score < least) break
      smallest = score
      before += Math.exp(score - best)
    }
    least = smallest
  }
  least = Math.max(least, best + Math.log(sampling.minP))
  const weights = weigh(scores)
  const total = sum(weights)
  return { shares: weights.map((weight) => weight / total), best: scores.indexOf(best) }
}

/** The first id at which the running sum passes the uniform. */
const drawnOf = (shares: ReadonlyArray<number>, uniform: number): number => {
  let sum = 0
  return shares.findIndex((share) => (sum += share) > uniform)
}

interface Row {
  readonly logits: ReadonlyArray<number>
  readonly allowed: ReadonlyArray<boolean>
  readonly uniform: number
  readonly sampling: Sampling
}

const sampled = Effect.fn(function* (rows: ReadonlyArray<Row>) {
  const size = rows[0]?.logits.length ?? 0
  const pool = yield* Session.SessionPool
  const session = yield* pool.load(Sampler.model(size))
  const { logProbability, possible, token } = yield* session.run({
    logits: Float32Array.from(rows.flatMap(({ logits }) => logits)),
    uniform: Float32Array.from(rows, ({ uniform }) => uniform),
    allowed: Uint8Array.from(rows.flatMap(({ allowed }) => allowed.map(Number))),
    ...Sampler.feedsOf(
      rows.map(({ sampling }) => sampling),
      size
    )
  })
  return rows.map((_, b) => ({
    id: Number(token[b]),
    logProbability: logProbability[b] ?? Number.NaN,
    possible: [...possible.subarray(b * size, (b + 1) * size)].map(Boolean)
  }))
}, Effect.scoped)

const run = <A, E>(effect: Effect.Effect<A, E, Session.SessionPool>) =>
  Effect.runPromise(effect.pipe(inline))

const row = (
  logits: ReadonlyArray<number>,
  sampling: Partial<Sampling> = {},
  uniform = 0.5
): Row => ({
  logits,
  uniform,
  allowed: logits.map(() => true),
  sampling: { ...Sampler.plain, ...sampling }
})

const one = (given: Row) => Effect.map(sampled([given]), ([found]) => found)

const size = 12

/** Logits on a coarse grid, so that ties are common, and sums stay off the edges of topP. */
const rowArbitrary: fc.Arbitrary<Row> = fc.record({
  logits: fc.array(
    fc.integer({ min: -12, max: 12 }).map((n) => n / 4),
    { minLength: size, maxLength: size }
  ),
  allowed: fc
    .array(fc.boolean(), { minLength: size, maxLength: size })
    .map((some) => (some.includes(true) ? some : some.map(() => true))),
  uniform: fc.integer({ min: 0, max: 2 ** 24 - 1 }).map((n) => n / 2 ** 24),
  sampling: fc.record({
    temperature: fc.constantFrom(0, 0.5, 1, 2),
    topK: fc.constantFrom(0, 1, 2, 5, 100),
    topP: fc.constantFrom(1, 0.9, 0.5, 1e-6),
    minP: fc.constantFrom(0, 0.05, 0.4, 1)
  })
})

/** Whether float32 may fall on the other side of an edge than float64. */
const isNearEdge = ({ allowed, logits, sampling, uniform }: Row): boolean => {
  const { shares } = sharesOf(logits, sampling, allowed)
  const close = (x: number, y: number) => Math.abs(x - y) < 1e-5
  const edges = (list: ReadonlyArray<number>, mark: number) => {
    let sum = 0
    return list.some((share) => close((sum += share), mark))
  }
  const open = sharesOf(logits, { ...sampling, topP: 1, minP: 0 }, allowed).shares
  const most = Math.max(...open)
  return (
    edges(shares, uniform) ||
    edges(
      open.toSorted((a, b) => b - a),
      sampling.topP
    ) ||
    (sampling.minP > 0 &&
      sampling.minP < 1 &&
      open.some((share) => close(share / most, sampling.minP)))
  )
}

describe("Sampler", () => {
  it("chooses as its definition in plain float64 does", () =>
    fc.assert(
      fc.asyncProperty(fc.array(rowArbitrary, { minLength: 1, maxLength: 9 }), (all) => {
        const rows = all.filter((each) => !isNearEdge(each))
        if (rows.length === 0) return Promise.resolve()
        return run(sampled(rows)).then((found) => {
          for (const [b, { allowed, logits, sampling, uniform }] of rows.entries()) {
            const { best, shares } = sharesOf(logits, sampling, allowed)
            const id = sampling.temperature === 0 ? best : drawnOf(shares, uniform)
            assert.strictEqual(found[b]?.id, id)
            assert.closeTo(found[b]?.logProbability ?? Number.NaN, Math.log(shares[id] ?? 0), 1e-5)
            assert.deepStrictEqual(
              found[b]?.possible,
              shares.map((share) => share > 0)
            )
          }
        })
      }),
      { numRuns: 150, seed: 1 }
    ))

  it.effect("draws as often as the shares say", () =>
    Effect.gen(function* () {
      const random = Seed.generator(3)
      const given = row([0, 1, 2, 0.5, -1], { topK: 3, temperature: 0.8 })
      const rows = Array.from({ length: 4000 }, () => ({
        ...given,
        uniform: Math.floor(random() * 2 ** 24) / 2 ** 24
      }))
      const found = yield* sampled(rows)
      const { shares } = sharesOf(given.logits, given.sampling, given.allowed)
      for (const [id, share] of shares.entries())
        assert.closeTo(found.filter((each) => each.id === id).length / rows.length, share, 0.03)
    }).pipe(inline)
  )

  it.effect("with one token kept is certain of it", () =>
    Effect.gen(function* () {
      const logits = [1, 3, 2]
      for (const only of [{ topK: 1 }, { topP: 1e-9 }, { minP: 1 }]) {
        const found = yield* one(row(logits, only, 0.999))
        assert.deepStrictEqual(found, { id: 1, logProbability: 0, possible: [false, true, false] })
      }
    }).pipe(inline)
  )

  it.effect(
    "keeps what ties with the last one kept, and greedily takes the first of the best",
    () =>
      Effect.gen(function* () {
        const tied = yield* one(row([2, 1, 2, 1], { topK: 1 }, 0.6))
        assert.deepStrictEqual(tied?.possible, [true, false, true, false])
        assert.strictEqual(tied?.id, 2)
        assert.closeTo(tied?.logProbability ?? 0, Math.log(0.5), 1e-6)
        assert.strictEqual((yield* one(row([1, 5, 5, 5], { temperature: 0 }, 0.99)))?.id, 1)
      }).pipe(inline)
  )

  it.effect("never chooses what has no share, at either end of the uniforms", () =>
    Effect.gen(function* () {
      for (const uniform of [0, 1 - 2 ** -24]) {
        const found = yield* one(row([-Infinity, 4, -200, 4, -Infinity], {}, uniform))
        assert.strictEqual(found?.id, uniform === 0 ? 1 : 3)
      }
    }).pipe(inline)
  )

  it.effect("tells by a log-probability that is no number that nothing could be chosen", () =>
    Effect.gen(function* () {
      const fine = row([1, 2, 3])
      const rows = [
        fine,
        row([1, Number.NaN, 3]),
        { ...fine, allowed: [false, false, false] },
        row([1, Number.NaN, 3], { temperature: 0 }),
        row([1, Infinity, 3]),
        row([Number.NaN, 2, 3], { topK: 2, topP: 0.5 })
      ]
      const found = yield* sampled(rows)
      assert.deepStrictEqual(
        found.map(({ logProbability }) => Number.isNaN(logProbability)),
        [false, true, true, true, true, true]
      )
    }).pipe(inline)
  )

  it("says what is wrong with numbers that mean nothing", () => {
    const bad = [
      { temperature: -1 },
      { temperature: Number.NaN },
      { topK: 1.5 },
      { topP: 0 },
      { minP: 2 }
    ]
    const words = ["temperature", "temperature", "topK", "topP", "minP"]
    for (const [i, some] of bad.entries())
      assert.include(Sampler.problemOf({ ...Sampler.plain, ...some }) ?? "", words[i] ?? "")
    assert.isUndefined(Sampler.problemOf(Sampler.plain))
  })
})
