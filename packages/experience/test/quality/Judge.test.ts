import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Stream from "effect/Stream"
import { Judge, Rule } from "../../src/index.ts"
import { knownWorlds, listing } from "../boxes.ts"
import { dreamt, good, opinionOf } from "../dreams.ts"

const finish: Response.PartEncoded = {
  type: "finish",
  reason: "stop",
  usage: {
    inputTokens: { uncached: undefined, total: 120, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 30, text: undefined, reasoning: undefined }
  },
  response: undefined
}

/** A judge who says this, whatever he reads; `read` is what he was shown. */
const judging = (said: string | AiError.AiError) => {
  const read: Array<LanguageModel.ProviderOptions> = []
  const model = LanguageModel.make({
    generateText: (options) => {
      read.push(options)
      return typeof said === "string"
        ? Effect.succeed([{ type: "text", text: said }, finish])
        : Effect.fail(said)
    },
    streamText: () => Stream.empty
  })
  return Effect.map(model, (made) => ({ model: made, read }))
}

const grades = (consistency: number, diversity = 2, informativeness = 1, hallucination = 2) =>
  JSON.stringify({ consistency, diversity, informativeness, hallucination })

const look = Effect.fnUntraced(function* (
  said: string | AiError.AiError,
  bounds: Partial<Judge.Options> = {}
) {
  const { model } = yield* judging(said)
  return yield* opinionOf(Judge.rule({ model, ...bounds }), good)
})

describe("the rule of the judge", () => {
  it.effect("scores each rubric, their sum, and what it cost", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* look(grades(1)), {
        scores: {
          "judge/consistency": 1,
          "judge/diversity": 2,
          "judge/informativeness": 1,
          "judge/hallucination": 2,
          "judge/total": 6,
          "tokens/judge": 150
        },
        complaint: undefined
      })
    })
  )

  it.effect("bounds the sum and single rubrics, inclusively", () =>
    Effect.gen(function* () {
      assert.isUndefined((yield* look(grades(1), { minTotal: 6 })).complaint)
      assert.strictEqual(
        (yield* look(grades(1), { minTotal: 7 })).complaint,
        "the judge gave 6 in all; the bound is 7"
      )
      assert.isUndefined((yield* look(grades(1), { least: { consistency: 1 } })).complaint)
      assert.strictEqual(
        (yield* look(grades(0), { least: { consistency: 1 } })).complaint,
        "the judge gave 0 for consistency; the bound is 1"
      )
    })
  )

  it.effect("shows the judge the task and all that happened, as data", () =>
    Effect.gen(function* () {
      const { model, read } = yield* judging(grades(2))
      yield* opinionOf(Judge.rule({ model }), good)
      const roles = read[0]?.prompt.content.map(({ content, role }) => [
        role,
        typeof content === "string"
          ? content
          : content.map((part) => (part.type === "text" ? part.text : "")).join("")
      ])
      assert.deepStrictEqual(roles?.[1], [
        "user",
        `task: find the key\n\nobservation: ${good.firstObservation}\n\n` +
          "[1] action: open box 1\nobservation: In the box 1 you see a pen 1.\nreward: 0\n\n" +
          "[2] action: open box 2\nobservation: In the box 2 you see a key 1.\nreward: 1"
      ])
      assert.strictEqual(roles?.[0]?.[0], "system")
      for (const rubric of ["consistency", "diversity", "informativeness", "hallucination"]) {
        assert.include(roles?.[0]?.[1] ?? "", `${rubric}: 2 =`)
      }
    })
  )

  it("leaves out the middle of a transcript that is too long, and says how much", () => {
    const chatter = dreamt("chatter", [
      ["wait", "x".repeat(5000)],
      ["open box 1", listing("box 1", "")]
    ])
    const text = Judge.transcript(Rule.subjectOf(chatter, knownWorlds), 400)
    assert.match(text, /^task: find the key\n/)
    assert.match(text, /\[\d+ characters are left out\]/)
    assert.isTrue(text.endsWith("reward: 0"))
    assert.isBelow(text.length, 450)
  })

  it.effect.each([
    ["prose", "I like it very much."],
    ["a grade off the scale", grades(3)],
    ["half a grade", grades(0.5)],
    ["a missing rubric", '{"consistency":2}'],
    ["nothing", ""]
  ] as const)("takes %s for no answer: a fault of the judge, no verdict on the dream", ([, said]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(look(said, { minTotal: 8 }))
      assert.deepStrictEqual([error.reason, error.rule], ["BadAnswer", "judge"])
    })
  )

  it.effect("tells an answer that nobody can read from none at all", () =>
    Effect.gen(function* () {
      const saying = (reason: AiError.AiErrorReason) =>
        Effect.flip(look(AiError.make({ module: "script", method: "generateObject", reason })))
      const errors = yield* Effect.forEach(
        [
          new AiError.InternalProviderError({ description: "the judge sleeps" }),
          new AiError.InvalidOutputError({ description: "the judge sings" }),
          new AiError.InvalidResponseError({ description: "the judge mumbles" })
        ],
        saying
      )
      assert.deepStrictEqual(
        errors.map(({ reason, rule }) => [reason, rule]),
        [
          ["Unavailable", "judge"],
          ["BadAnswer", "judge"],
          ["BadAnswer", "judge"]
        ]
      )
      assert.include(errors[0]?.message ?? "", "the judge sleeps")
    })
  )
})
