import { assert, describe, it } from "@effect/vitest"
import { History } from "@dreamgym/domain"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { Format } from "../src/index.ts"
import { boxTask, demonstrationOf, firstObservation, listing, trajectoryOf } from "./boxes.ts"

const task = boxTask("a", "key")
const shown = trajectoryOf("t1", task, [["open box 1", listing("box 1", "pen 1")]])

/** Texts that like to speak in special words. */
const foreign = fc
  .array(fc.oneof(fc.constantFrom(...Format.specialWords, "you see", ".", "mug 1"), fc.string()), {
    maxLength: 8
  })
  .map((parts) => parts.join(" "))

describe("Format", () => {
  it("writes a prediction's prompt as demonstrations, question, action", () => {
    assert.strictEqual(
      Format.predictionPrompt("key unseen box 1", "open box 1", [demonstrationOf(shown, 0)]),
      "<demo> open box 1 <obs> In the box 1 you see a pen 1. key unseen box 1 <act> open box 1 <think>"
    )
  })

  it("tells a model without knowledge the whole transcript and the form of the reply", () => {
    const history = History.fromTurns("You see\nbox 1.", [{ action: "wait", observation: "Time." }])
    const prompt = Format.plainPredictionPrompt(task, history, "open box 1", [
      demonstrationOf(shown, 0)
    ])
    assert.deepStrictEqual(prompt.split("\n").slice(4), [
      "Reply in this form only: REASONING <obs> OBSERVATION <act>",
      "Experience with similar actions:",
      `- in "${Format.harmless(firstObservation(3, "key"))}" the action "open box 1" brought "In the box 1 you see a pen 1."`,
      "Task: find the key",
      "Observation: You see box 1.",
      "Action: wait",
      "Observation: Time.",
      "Action: open box 1",
      "<think>"
    ])
    assert.isFalse(
      Format.plainPredictionPrompt(task, history, "wait", []).includes("Experience with")
    )
  })

  it("reads back every reply that it writes, and foreign text never speaks in special words", () =>
    fc.assert(
      fc.property(foreign, foreign, fc.boolean(), (reasoning, observation, isDone) => {
        fc.pre(Format.harmless(observation) !== "")
        assert.deepStrictEqual(
          Format.parseReply(Format.replyText({ reasoning, observation, isDone })),
          Result.succeed({
            reasoning: Format.harmless(reasoning),
            observation: Format.harmless(observation),
            isDone
          })
        )
      })
    ))

  it("shows foreign special words as plain words", () => {
    assert.strictEqual(Format.harmless(" You <WIN>\n\tnow <obs> <b> "), "You (WIN) now (obs) <b>")
  })

  it("reads a reply that repeats <think>, and one without reasoning", () => {
    assert.deepStrictEqual(
      Format.parseReply("<think> works. <obs> You win. <win>"),
      Result.succeed({ reasoning: "works.", observation: "You win.", isDone: true })
    )
    assert.deepStrictEqual(
      Format.parseReply("<obs> Time passes. <act>\n"),
      Result.succeed({ reasoning: "", observation: "Time passes.", isDone: false })
    )
  })

  it("says what is wrong with any other reply", () => {
    const wrongs: ReadonlyArray<readonly [string, string]> = [
      ["", "it does not end with <act> or <win>"],
      ["works. <obs> You see", "it does not end with <act> or <win>"],
      ["works. <obs> You see <win> more", "it does not end with <act> or <win>"],
      ["works. You see <act>", "it holds <obs> 0 times instead of once"],
      ["works. <obs> a <obs> b <act>", "it holds <obs> 2 times instead of once"],
      ["works. <obs>  <act>", "its observation is empty"],
      ["works. <obs> <win> <act>", "it holds a stray <win>"],
      ["works. <act> <obs> You see <win>", "it holds a stray <act>"],
      ["works. <think> <obs> You see <act>", "it holds a stray <think>"],
      ["works. <obs> You <demo> see <act>", "it holds a stray <demo>"],
      [`works. <obs> ${"a".repeat(8000)} <act>`, "it is longer than 8000 characters"]
    ]
    for (const [reply, wrong] of wrongs) {
      assert.deepStrictEqual(Format.parseReply(reply), Result.fail(wrong), reply.slice(0, 60))
    }
  })

  it("reads back every instruction that it writes, and says what is wrong with others", () => {
    fc.assert(
      fc.property(foreign, (instruction) => {
        const plain = Format.harmless(instruction)
        fc.pre(plain !== "" && plain.length <= Format.maxInstructionCharacters)
        assert.deepStrictEqual(
          Format.parseTaskReply(Format.taskReplyText(instruction)),
          Result.succeed(plain)
        )
      })
    )
    const wrongs: ReadonlyArray<readonly [string, string]> = [
      ["find the key", "it does not end with <act>"],
      ["find the key <win>", "it does not end with <act>"],
      [" <act>", "it is empty"],
      ["find\nthe key <act>", "it has more than one line"],
      ["find <obs> the key <act>", "it holds a stray <obs>"],
      [`${"a".repeat(401)} <act>`, "it is longer than 400 characters"]
    ]
    for (const [reply, wrong] of wrongs) {
      assert.deepStrictEqual(Format.parseTaskReply(reply), Result.fail(wrong), reply.slice(0, 60))
    }
  })

  it("finds the house in a first observation, whatever its task", () => {
    const house = "You see box 1, box 2, box 3."
    assert.strictEqual(Format.houseText(firstObservation(3, "key"), "find the key"), house)
    assert.strictEqual(Format.houseText(firstObservation(3, "pen"), "find the pen"), house)
    assert.strictEqual(
      Format.houseText("You see box 1, box 2, box 3.\nGoal: find the pen!", "find the pen"),
      house
    )
    assert.strictEqual(Format.houseText("A plain room.", "find the pen"), "A plain room.")
  })

  it("tells a first observation under another instruction", () => {
    assert.strictEqual(
      Format.retell(firstObservation(2, "key"), "find the key", "find the $& pen"),
      firstObservation(2, "key").replace("find the key", () => "find the $& pen")
    )
    assert.strictEqual(
      Format.retell("A room.\nYour task is to: seek.", "find", "find the pen"),
      "A room.\nYour task is to: find the pen"
    )
    assert.strictEqual(Format.retell("A room.", "find", "find the pen"), "A room.")
  })

  it("takes texts that differ in blanks alone as the same", () => {
    assert.isTrue(Format.isSameText("You see a mug 1 .", " You see\na mug 1."))
    assert.isFalse(Format.isSameText("You see a mug 1.", "You see a mug 2."))
  })
})
