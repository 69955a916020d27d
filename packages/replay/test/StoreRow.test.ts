/** Tests of what a database brings back: the same trajectory, whatever is in it. */
import type { Trajectory } from "@dreamgym/domain"
import { Arbitraries, NastyArbitraries } from "@dreamgym/laws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { trajectoryOf } from "./disk.ts"
import { add, all, kept, place, rejected, runs } from "./storePlace.ts"

/** The same but for -0, which JSON does not know, and SQLite not everywhere. */
const withoutMinusZero = (value: unknown): unknown => {
  if (value === 0) return 0
  if (Array.isArray(value)) return value.map(withoutMinusZero)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutMinusZero(one)]))
}

const bringsBack = (arbitrary: fc.Arbitrary<Trajectory.Trajectory>, numRuns: number) =>
  runs(
    fc.asyncProperty(
      fc.uniqueArray(arbitrary, { maxLength: 5, selector: ({ task }) => task.id }),
      (list) =>
        Effect.gen(function* () {
          const { use } = yield* place
          yield* use((store) => add(store, ...list))
          yield* use((store) =>
            Effect.gen(function* () {
              assert.deepStrictEqual(withoutMinusZero(yield* all(store)), withoutMinusZero(list))
              assert.deepStrictEqual(yield* store.verify, [])
              assert.deepStrictEqual(
                store.entries().map(({ id, environment, task }) => [id, environment, task]),
                list.map(({ id, task }) => [id, task.environment, task.id])
              )
            })
          )
        }).pipe(Effect.scoped, Effect.runPromise)
    ),
    numRuns
  )

describe("a trajectory in a database", () => {
  it.effect("comes back as it was, from names to log-probabilities", () =>
    bringsBack(Arbitraries.trajectory, 20)
  )

  it.effect("comes back as it was, however odd its texts and numbers", () =>
    bringsBack(NastyArbitraries.trajectory, 40)
  )

  it.effect("keeps what the quality filter said, and whatever is known of its dreams", () =>
    Effect.gen(function* () {
      const { sql, use } = yield* place
      const whole = trajectoryOf("a", { isReal: false })
      const extras = { promptHash: "ab", tokens: { prompt: 7, completion: 0 }, latency: 12.5 }
      const [transition] = whole.transitions
      assert.isDefined(transition)
      const provenance = { ...transition?.provenance, ...extras } as Trajectory.Provenance
      const list: ReadonlyArray<Trajectory.Trajectory> = [
        {
          ...whole,
          iteration: 3,
          verdict: { _tag: "Accepted", scores: { a: Number.NaN } },
          transitions: whole.transitions.map((one) => ({ ...one, provenance }))
        },
        rejected("b"),
        rejected("c", true)
      ]
      yield* use((store) => add(store, ...list))
      assert.deepStrictEqual(yield* use(all), list)
      const judged = { iteration: null, verdict: "rejected", reason: "Judged", message: "too dull" }
      const columns = "shelf, iteration, verdict, reason, verdict_message as message"
      assert.deepStrictEqual(sql(`select ${columns} from trajectory`), [
        { shelf: "synthetic", iteration: 3, verdict: "accepted", reason: null, message: null },
        { shelf: "rejected", ...judged },
        { shelf: "rejected", ...judged }
      ])
      assert.deepStrictEqual(
        sql("select prompt_hash, prompt_tokens, completion_tokens, latency from step limit 1"),
        [{ prompt_hash: "ab", prompt_tokens: 7, completion_tokens: 0, latency: 12.5 }]
      )
    })
  )

  it.effect("that JSON cannot hold is refused, and all that comes with it", () =>
    Effect.gen(function* () {
      const { use } = yield* place
      const b = trajectoryOf("b")
      const odd = { ...b, task: { ...b.task, payload: new Map([[1, 2]]) } }
      const error = yield* Effect.flip(use((store) => add(store, trajectoryOf("a"), odd)))
      assert.include(error.message, "trajectory trajectory-b cannot be written as JSON")
      assert.deepStrictEqual(yield* use(kept), [])
    })
  )
})
