import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Plausibility } from "../../src/index.ts"
import { good, lost, opinionOf } from "../dreams.ts"

const sure = (probability: number) => () => Effect.succeed(probability)

const look = (
  probability: number,
  trajectory: typeof good,
  bounds: Partial<Plausibility.Options>
) => opinionOf(Plausibility.rule({ verifier: sure(probability), ...bounds }), trajectory)

describe("the rule of plausible rewards", () => {
  it.effect("does not believe a reward that the verifier finds improbable", () =>
    Effect.gen(function* () {
      const bounds = { minWon: 0.5 }
      assert.deepStrictEqual(yield* look(0.5, good, bounds), {
        scores: { plausibility: 0.5 },
        complaint: undefined
      })
      assert.deepStrictEqual(yield* look(0.49, good, bounds), {
        scores: { plausibility: 0.49 },
        complaint:
          "a reward was given, but the verifier finds success 0.490 probable; the bound is 0.5"
      })
      assert.isUndefined((yield* look(0, lost, bounds)).complaint)
    })
  )

  it.effect("does not believe a missing reward where success is probable", () =>
    Effect.gen(function* () {
      const bounds = { maxLost: 0.5 }
      assert.isUndefined((yield* look(0.5, lost, bounds)).complaint)
      assert.strictEqual(
        (yield* look(0.51, lost, bounds)).complaint,
        "no reward was given, but the verifier finds success 0.510 probable; the bound is 0.5"
      )
      assert.isUndefined((yield* look(1, good, bounds)).complaint)
    })
  )

  it.effect("only scores unless it was told bounds", () =>
    Effect.gen(function* () {
      assert.isUndefined((yield* look(0, good, {})).complaint)
      assert.isUndefined((yield* look(1, lost, {})).complaint)
    })
  )

  it.effect("takes an answer that is no probability for a fault of the verifier", () =>
    Effect.gen(function* () {
      for (const answer of [-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY]) {
        const error = yield* Effect.flip(look(answer, good, {}))
        assert.deepStrictEqual([error.reason, error.rule], ["BadAnswer", "plausibility"])
        assert.include(error.message, `answered ${answer}, which is no probability`)
      }
    })
  )
})
