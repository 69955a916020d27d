/** Tests of a buffer that is greater than its memory. */
import { ReplayBuffer as Contract } from "@dreamgym/domain"
import { Arbitraries } from "@dreamgym/laws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { ReplayBuffer } from "../src/index.ts"
import * as Kept from "../src/Kept.ts"
import * as Store from "../src/store/Store.ts"
import * as StoreCache from "../src/store/StoreCache.ts"
import { dream, place, runs } from "./database.ts"
import { add, idsOf, trajectoryOf } from "./disk.ts"

const equal: Kept.Quality = () => 1

describe("what is not in memory", () => {
  it.effect("is read from the database, and found and drawn as if it were", () =>
    runs(
      fc.asyncProperty(
        fc.uniqueArray(Arbitraries.trajectory, {
          minLength: 1,
          maxLength: 8,
          selector: ({ task }) => task.id
        }),
        fc.nat({ max: 3 }),
        (list, cached) =>
          Effect.gen(function* () {
            const { use } = yield* place
            const look = Effect.gen(function* () {
              const buffer = yield* Contract.ReplayBuffer
              const request = { count: 5, realFraction: 0.5, key: 7 }
              return {
                snapshot: yield* buffer.snapshot,
                stats: yield* buffer.stats,
                sample: yield* Effect.option(buffer.sample(request)),
                similar: yield* buffer.similar({ state: "open", action: "take mug", k: 4 })
              }
            })
            const inMemory = ReplayBuffer.layerMemory()
            const expected = yield* Effect.provide(Effect.andThen(add(...list), look), inMemory)
            const options = { cached }
            assert.deepStrictEqual(
              yield* use(options)(Effect.andThen(add(...list), look)),
              expected
            )
            assert.deepStrictEqual(yield* use(options)(look), expected)
          }).pipe(Effect.scoped, Effect.runPromise)
      )
    )
  )

  it.effect("is read in order and as often as asked, also beyond one page", () =>
    Effect.gen(function* () {
      const { file } = yield* place
      const list = Array.from({ length: 1100 }, (_, i) => trajectoryOf(`${i}`))
      const store = yield* Store.open({ file, cached: 10, quotas: {} }, () => undefined)
      yield* store.add(list.map((one) => Kept.comingOf(one, equal)))
      const entries = store.entries()
      const [first, second] = entries
      assert.deepStrictEqual(yield* store.read(entries.toReversed()), list.toReversed())
      const twice = first === undefined || second === undefined ? [] : [second, first, second]
      assert.deepStrictEqual(idsOf((yield* store.read(twice)) ?? []), ["1", "0", "1"])
    })
  )

  it.effect("and was evicted meanwhile is not given out", () =>
    Effect.gen(function* () {
      const { file } = yield* place
      const quotas = { synthetic: 2 }
      const store = yield* Store.open({ file, cached: 0, quotas }, () => undefined)
      const coming = ["a", "b", "c"].map((id) => Kept.comingOf(dream(id), equal))
      yield* store.add(coming.slice(0, 2))
      const before = store.entries()
      const [, found] = yield* Effect.all([store.add(coming.slice(2)), store.read(before)], {
        concurrency: "unbounded"
      })
      assert.isUndefined(found)
      assert.deepStrictEqual(idsOf((yield* store.read(store.entries())) ?? []), ["b", "c"])
    })
  )

  it("is what was used longest ago", () => {
    const cache = StoreCache.make(2)
    cache.put(1, trajectoryOf("a"))
    cache.put(2, trajectoryOf("b"))
    cache.get(1)
    cache.put(3, trajectoryOf("c"))
    const kept = [1, 2, 3].map((seq) => cache.get(seq)?.task.id)
    assert.deepStrictEqual(kept, ["a", undefined, "c"])
  })
})
