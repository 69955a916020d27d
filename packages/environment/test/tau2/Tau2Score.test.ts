import { describe, expect, it } from "vitest"
import * as GymText from "../../src/tau2/GymText.ts"
import * as Tau2Score from "../../src/tau2/Tau2Score.ts"
import type { Tau2Task } from "../../src/tau2/Tau2Task.ts"
import type { Entry } from "../../src/taubench/episode/Conversation.ts"
import { dictOf } from "../../src/taubench/python/Value.ts"
import { task } from "./tau2.ts"

const call = (name: string, given: Parameters<typeof dictOf>[0]): Entry => ({
  _tag: "Call",
  name,
  arguments: dictOf(given),
  result: "ok"
})

const entries: ReadonlyArray<Entry> = [
  { _tag: "User", content: "The price is 1200, is it?" },
  call("cancel", { order_id: "#W1", reason: "mistake" }),
  call("note", { text: "anything", stars: 5 }),
  { _tag: "Agent", content: "It is 1,200 dollars." },
  { _tag: "User", content: "###STOP###" }
]

const good: Tau2Score.Outcome = { isDatabaseRight: true, entries, assertions: [true, true] }

const withBasis = (...reward_basis: Tau2Task["evaluation_criteria"]["reward_basis"]) => ({
  ...task,
  evaluation_criteria: { ...task.evaluation_criteria, reward_basis }
})

const all = withBasis("DB", "ACTION", "COMMUNICATE", "NL_ASSERTION")

const rewardOf = (of: Tau2Task, outcome: Partial<Tau2Score.Outcome>) =>
  Tau2Score.score(of, { ...good, ...outcome }).reward

const one = { _tag: "Scored", value: 1 }
const zero = { _tag: "Scored", value: 0 }

describe("The reward of a tau2 task", () => {
  it("is 1 where everything in its basis is right", () => {
    expect(rewardOf(all, {})).toEqual(one)
  })

  it.each([
    ["the database is wrong", { isDatabaseRight: false }],
    ["an expected call is missing", { entries: entries.filter((_, i) => i !== 1) }],
    ["an argument is another", { entries: entries.with(1, call("cancel", { order_id: "#W2" })) }],
    ["a compared argument is missing", { entries: entries.with(2, call("note", {})) }],
    ["the agent did not say it", { entries: entries.filter(({ _tag }) => _tag !== "Agent") }],
    ["an assertion is not met", { assertions: [true, false] }]
  ])("is 0 where %s", (_, outcome) => {
    expect(rewardOf(all, outcome)).toEqual(zero)
  })

  it("hangs on nothing outside its basis", () => {
    expect(rewardOf(withBasis("DB"), { entries: [], assertions: [false, false] })).toEqual(one)
    expect(rewardOf(withBasis("COMMUNICATE"), { isDatabaseRight: false })).toEqual(one)
  })

  it("compares only what the agent gave, and numbers as Python does", () => {
    const sparse = entries
      .with(1, call("cancel", { order_id: "#W1" }))
      .with(2, call("note", { stars: 5 }))
    expect(rewardOf(withBasis("ACTION"), { entries: sparse })).toEqual(one)
  })

  it("is not scored without a judge, unless it is 0 anyway or there is nothing to judge", () => {
    const unjudged = { isDatabaseRight: true, entries }
    expect(Tau2Score.score(task, unjudged).reward._tag).toBe("NotScored")
    expect(Tau2Score.score(task, { ...unjudged, isDatabaseRight: false }).reward).toEqual(zero)
    const silent = {
      ...task,
      evaluation_criteria: { ...task.evaluation_criteria, nl_assertions: null }
    }
    expect(Tau2Score.score(silent, unjudged).reward).toEqual(one)
    expect([task, silent].map(Tau2Score.needsJudge)).toEqual([true, false])
  })
})

describe("The gym's observation", () => {
  it("is lines of role and content, calls as Python writes them", () => {
    expect(GymText.observation(entries.slice(0, 3))).toBe(
      [
        "user: The price is 1200, is it?",
        "assistant: cancel(order_id='#W1', reason='mistake')",
        "tool: ok",
        "assistant: note(text='anything', stars=5.0)",
        "tool: ok"
      ].join("\n")
    )
  })
})
