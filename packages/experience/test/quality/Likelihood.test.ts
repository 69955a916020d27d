import { assert, describe, it } from "@effect/vitest"
import type { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Likelihood } from "../../src/index.ts"
import { real, synthetic, trajectoryOf } from "../boxes.ts"
import { opinionOf, task } from "../dreams.ts"

/** Replies of so many tokens with these scores; `undefined` is a real transition. */
type Reply = { readonly scores: Record<string, number>; readonly completion?: number } | undefined

const dreamOf = (replies: ReadonlyArray<Reply>): Trajectory.Trajectory => {
  const turns = replies.map((): readonly [string, string] => ["wait", "Time passes."])
  const { transitions, ...rest } = trajectoryOf("t", task, turns)
  return {
    ...rest,
    transitions: transitions.map((transition, t) => {
      const reply = replies[t]
      if (reply === undefined) return { ...transition, provenance: real }
      const { completion, scores } = reply
      const tokens = completion === undefined ? {} : { tokens: { prompt: 9, completion } }
      return { ...transition, provenance: { ...synthetic, scores, ...tokens } }
    })
  }
}

const reply = (mean: number, least: number, completion: number): Reply => ({
  scores: { meanLogProbability: mean, minLogProbability: least },
  completion
})

/** Mean over 4 tokens: (1 x -2 + 3 x -0.4) / 4 = -0.8. */
const hesitant = dreamOf([reply(-2, -2, 1), undefined, reply(-0.4, -1.25, 3)])

const look = (options: Likelihood.Options, trajectory = hesitant) =>
  Effect.runSync(opinionOf(Likelihood.rule(options), trajectory))

describe("the rule of likelihood", () => {
  it("weighs each reply with its tokens, and leaves real transitions out", () => {
    assert.deepStrictEqual(look({}), {
      scores: { meanLogProbability: -0.8, minLogProbability: -2 },
      complaint: undefined
    })
  })

  it("bounds the mean and each single token, inclusively", () => {
    assert.isUndefined(look({ minMean: -0.8, minLeast: -2 }).complaint)
    assert.strictEqual(
      look({ minMean: -0.79 }).complaint,
      "the experience model gave it a log-probability of -0.800 on average; the bound is -0.79"
    )
    assert.strictEqual(
      look({ minLeast: -1.99 }).complaint,
      "the experience model gave it a log-probability of -2.000 at its least likely token; the bound is -1.99"
    )
  })

  it("says nothing where no reply tells its likelihood", () => {
    const silent = dreamOf([{ scores: { tokens: 3 } }, undefined])
    assert.deepStrictEqual(look({ minMean: 0, minLeast: 0 }, silent), {
      scores: {},
      complaint: undefined
    })
    assert.deepStrictEqual(look({ minMean: 0 }, dreamOf([])), { scores: {}, complaint: undefined })
  })

  it("counts a reply of unknown length as one token", () => {
    const mixed = dreamOf([{ scores: { meanLogProbability: -3 } }, reply(-1, -1, 3)])
    assert.deepStrictEqual(look({}, mixed).scores, {
      meanLogProbability: -1.5,
      minLogProbability: -1
    })
  })

  it("takes what is no number for unlikely", () => {
    const broken = dreamOf([reply(Number.NaN, Number.NaN, 2)])
    for (const bound of [{ minMean: -1000 }, { minLeast: -1000 }]) {
      const { complaint, scores } = look(bound, broken)
      assert.match(complaint ?? "", /^the experience model gave it a log-probability of NaN/)
      assert.deepStrictEqual(scores, {})
    }
  })

  it("complains of nothing that it did not complain of at a higher bound", () => {
    const value = fc.double({ min: -5, max: 0, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 6 }),
        value,
        value,
        (replies, a, b) => {
          const dream = dreamOf(replies.map(([mean, tokens]) => reply(mean, mean, tokens)))
          const [low, high] = [Math.min(a, b), Math.max(a, b)]
          const complains = (minMean: number) => look({ minMean }, dream).complaint !== undefined
          assert.isTrue(complains(high) || !complains(low))
        }
      )
    )
  })
})
