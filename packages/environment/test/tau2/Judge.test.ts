import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import * as Judge from "../../src/tau2/Judge.ts"
import type { Chat } from "../../src/taubench/episode/Chat.ts"
import { UserSimulatorError } from "../../src/taubench/episode/UserSimulator.ts"

const asked: Array<string> = []

const judging = (answer: string | undefined) => {
  const chat: Chat = {
    name: "wise",
    answer: ([question]) => {
      asked.push(question?.content ?? "")
      return answer === undefined
        ? Effect.fail(new UserSimulatorError({ reason: "Timeout", user: "wise", message: "slow" }))
        : Effect.succeed(answer)
    }
  }
  return Judge.fromChat(chat).judge(["a", "b"], [{ _tag: "Agent", content: "Hello." }], 1)
}

describe("A judge", () => {
  it("sees the conversation and the assertions, and gives one verdict for each", async () => {
    const answer =
      '```json\n{"results": [{"expectedOutcome": "a", "reasoning": "", "metExpectation": true}, {"metExpectation": false}]}\n```'
    expect(await Effect.runPromise(judging(answer))).toEqual([true, false])
    expect(asked.at(-1)).toContain("assistant: Hello.")
    expect(asked.at(-1)).toContain('["a","b"]')
  })

  it.each([
    ["nothing of the form", "BadAnswer", "yes"],
    ["fewer verdicts than assertions", "BadAnswer", '{"results": [{"metExpectation": true}]}'],
    ["no answer in time", "Timeout", undefined]
  ])("that gives %s leaves the episode without a score", async (_, reason, answer) => {
    expect((await Effect.runPromise(Effect.flip(judging(answer)))).reason).toBe(reason)
  })
})
