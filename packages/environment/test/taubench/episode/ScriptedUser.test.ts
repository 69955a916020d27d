import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import * as ScriptedUser from "../../../src/taubench/episode/ScriptedUser.ts"
import type { UserSimulator } from "../../../src/taubench/episode/UserSimulator.ts"

/** What the customer says to these messages, first line included. */
const said = (user: UserSimulator, ...messages: ReadonlyArray<string>) =>
  Effect.runSync(
    Effect.gen(function* () {
      let line = yield* user.start("I want a refund.", 1)
      const lines = [line.text]
      for (const message of messages) {
        line = yield* line.reply(message)
        lines.push(line.text)
      }
      return lines
    })
  )

describe("A customer without a model", () => {
  it("says their lines in order and then stops", () => {
    expect(said(ScriptedUser.fromLines(["a", "b"]), "x", "y", "z")).toEqual([
      "a",
      "b",
      "###STOP###",
      "###STOP###"
    ])
  })

  it("reads the instruction out, agrees to questions and stops otherwise", () => {
    expect(said(ScriptedUser.fromInstruction(), "May I?", "Done.")).toEqual([
      "I want a refund.",
      "Yes, please.",
      "###STOP###"
    ])
  })

  it("loses patience with an agent who only asks", () => {
    expect(said(ScriptedUser.fromInstruction(1), "What?", "What?")).toEqual([
      "I want a refund.",
      "Yes, please.",
      "###STOP###"
    ])
  })

  it("may be a person, who is shown the instruction and then the agent's messages", () => {
    const shown: Array<string> = []
    const human = ScriptedUser.human((text) => Effect.sync(() => `heard ${shown.push(text)}`))
    expect(said(human, "Hello?")).toEqual(["heard 1", "heard 2"])
    expect(shown).toEqual(["I want a refund.\nHi! How can I help you today?", "Hello?"])
  })
})
