import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Lockstep } from "../src/index.ts"

const recorder = () => {
  const batches: Array<ReadonlyArray<number>> = []
  const double = Lockstep.batched((requests: ReadonlyArray<number>) =>
    Effect.sync(() => {
      batches.push(requests)
      return requests.map((request) => request * 2)
    })
  )
  return { batches, double }
}

describe("Lockstep", () => {
  it.effect("answers alone outside a wave", () =>
    Effect.gen(function* () {
      const { batches, double } = recorder()
      assert.strictEqual(yield* double.call(21), 42)
      assert.deepStrictEqual(batches, [[21]])
    })
  )

  it.effect(
    "runs one batch per round, in the programs' order, though programs differ in speed",
    () =>
      Effect.gen(function* () {
        const { batches, double } = recorder()
        const program = (place: number) =>
          Effect.gen(function* () {
            for (let i = place; i < 3; i++) yield* Effect.yieldNow
            const once = yield* double.call(place)
            return place === 1 ? once : yield* double.call(once + 100)
          })
        assert.deepStrictEqual(yield* Lockstep.wave([0, 1, 2].map(program)), [200, 2, 208])
        assert.deepStrictEqual(batches, [
          [0, 1, 2],
          [100, 104]
        ])
      })
  )

  it.effect("gives a batch's failure to each of its callers", () =>
    Effect.gen(function* () {
      const broken = Lockstep.batched((_: ReadonlyArray<number>) => Effect.fail("down" as const))
      const results = yield* Lockstep.wave([1, 2].map((n) => Effect.flip(broken.call(n))))
      assert.deepStrictEqual(results, ["down", "down"])
    })
  )

  it.effect("goes on without a program that was interrupted while it waited", () =>
    Effect.gen(function* () {
      const { batches, double } = recorder()
      const leaving = Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(double.call(1))
        yield* Effect.yieldNow
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        return -1
      })
      const staying = Effect.gen(function* () {
        for (let i = 0; i < 9; i++) yield* Effect.yieldNow
        return yield* double.call(2)
      })
      assert.deepStrictEqual(yield* Lockstep.wave([leaving, staying]), [-1, 4])
      assert.deepStrictEqual(batches, [[2]])
    })
  )
})
