import { LanguageModel } from "@dreamgym/domain"
import { Effect, Exit } from "effect"
import { describe, expect, it } from "vitest"
import * as Chat from "../../../src/taubench/episode/Chat.ts"
import * as LanguageUser from "../../../src/taubench/episode/LanguageUser.ts"
import { UserSimulatorError, type Line } from "../../../src/taubench/episode/UserSimulator.ts"

/** A chat that gives these answers in order and keeps what it was asked. */
const chatOf = (...answers: ReadonlyArray<string>) => {
  const asked: Array<ReadonlyArray<Chat.Message>> = []
  const chat: Chat.Chat = {
    name: "fake",
    answer: (messages) =>
      Effect.suspend(() => {
        asked.push(messages)
        const answer = answers[asked.length - 1]
        return answer === undefined
          ? Effect.fail(
              new UserSimulatorError({ reason: "Unavailable", user: "fake", message: "none left" })
            )
          : Effect.succeed(answer)
      })
  }
  return { chat, asked }
}

const roles = (messages: ReadonlyArray<Chat.Message> | undefined) =>
  messages?.map(({ role }) => role)

const run = <A>(program: Effect.Effect<A, UserSimulatorError>) => Effect.runPromise(program)

const user = (strategy: LanguageUser.Strategy, chat: Chat.Chat) =>
  LanguageUser.make({ chat, strategy })

describe("A customer played by a model", () => {
  it("speaks first, after the agent's greeting, and remembers both sides in flipped roles", async () => {
    const { asked, chat } = chatOf("Hello.", "My id is mia.", "###STOP###")
    const first = await run(user("llm", chat).start("You are mia.", 1))
    const second = await run(first.reply("Your id?"))
    const third = await run(second.reply("Done."))
    expect([first, second, third].map(({ text }) => text)).toEqual([
      "Hello.",
      "My id is mia.",
      "###STOP###"
    ])
    expect(asked[0]?.[0]?.content).toContain("Instruction: You are mia.")
    expect(asked[2]?.slice(1)).toEqual([
      { role: "user", content: "Hi! How can I help you today?" },
      { role: "assistant", content: "Hello." },
      { role: "user", content: "Your id?" },
      { role: "assistant", content: "My id is mia." },
      { role: "user", content: "Done." }
    ])
  })

  it("may be answered twice from the same line: neither conversation sees the other", async () => {
    const { asked, chat } = chatOf("Hello.", "a", "b")
    const first = await run(user("llm", chat).start("x", 1))
    await run(first.reply("one"))
    await run(first.reply("two"))
    expect(asked[2]?.map(({ content }) => content).slice(1)).toEqual([
      "Hi! How can I help you today?",
      "Hello.",
      "two"
    ])
  })

  it("who thinks first sends the response alone, and remembers the thought", async () => {
    const { asked, chat } = chatOf(
      "Thought:\nAsk first.\n\nUser Response:\nHello there.",
      "Thought: just this",
      "Thought: done\nUser Response: ###STOP### bye"
    )
    const first = await run(user("react", chat).start("x", 1))
    const second = await run(first.reply("Yes?"))
    const third = await run(second.reply("Yes?"))
    expect([first.text, second.text, third.text]).toEqual([
      "Hello there.",
      "just this",
      "###STOP###"
    ])
    expect(asked[1]?.[2]?.content).toContain("Ask first.")
  })

  it("who thinks and never says anything is at fault, not the agent", async () => {
    const { chat } = chatOf("hm")
    const error = await Effect.runPromise(Effect.flip(user("react", chat).start("x", 1)))
    expect(error).toMatchObject({ reason: "BadAnswer", user: "fake" })
  })

  it("under a supervisor tries three lines at most and says the last", async () => {
    const { asked, chat } = chatOf("one", "false", "two", "False.", "three", "no")
    expect((await run(user("verify", chat).start("x", 1))).text).toBe("three")
    expect(asked.map(roles)).toEqual([
      ["system", "user"],
      ["user"],
      ["system", "user"],
      ["user"],
      ["system", "user"],
      ["user"]
    ])
    expect(asked[3]?.[0]?.content).toContain("# Response:\ntwo")
  })

  it("under a supervisor says the first line that is found to be true", async () => {
    const { asked, chat } = chatOf("one", "false", "two", "True")
    expect((await run(user("verify", chat).start("x", 1))).text).toBe("two")
    expect(asked.length).toBe(4)
  })

  it("is corrected once, and falls back to the first line where the second does not do either", async () => {
    const good = chatOf("one", "false", "Reflection:\nbad\n\nResponse:\nBetter.", "two", "true")
    expect((await run(user("reflection", good.chat).start("x", 1))).text).toBe("two")
    expect(good.asked[3]?.at(-1)).toEqual({ role: "user", content: "Better." })
    const bad = chatOf("one", "false", "Response: Better.", "two", "false")
    expect((await run(user("reflection", bad.chat).start("x", 1))).text).toBe("one")
  })
})

const modelOf = (
  answer: (prompt: LanguageModel.Prompt) => Effect.Effect<string, LanguageModel.LanguageModelError>
): LanguageModel.Model => ({
  name: "tiny",
  version: Effect.succeed(0),
  generate: (prompts) =>
    Effect.forEach(prompts, (prompt) =>
      Effect.map(answer(prompt), (text) => ({
        text,
        finish: "Stop" as const,
        promptIds: [],
        ids: [],
        logProbabilities: []
      }))
    )
})

describe("A model that continues text", () => {
  it("is given the transcript up to the customer's turn, and is cut where the agent would speak", async () => {
    const prompts: Array<LanguageModel.Prompt> = []
    const model = modelOf((prompt) => {
      prompts.push(prompt)
      return Effect.succeed(" I am mia.\nAgent: Thanks")
    })
    const first = await run(user("llm", Chat.fromModel(model)).start("You are mia.", 7))
    const second: Line = await run(first.reply("Your name?"))
    expect(second.text).toBe("I am mia.")
    expect(prompts[1]?.text.endsWith("\nAgent: Your name?\nCustomer:")).toBe(true)
    expect(prompts[0]?.key).not.toBe(prompts[1]?.key)
  })

  it.each([
    ["Unavailable", "Unavailable"],
    ["Timeout", "Timeout"],
    ["Refused", "BadAnswer"]
  ] as const)("that fails as %s is a customer who fails as %s", async (reason, expected) => {
    const model = modelOf(() =>
      Effect.fail(new LanguageModel.LanguageModelError({ reason, model: "tiny", message: "no" }))
    )
    const exit = await Effect.runPromiseExit(user("llm", Chat.fromModel(model)).start("x", 1))
    expect(Exit.isFailure(exit)).toBe(true)
    const error = await Effect.runPromise(
      Effect.flip(user("llm", Chat.fromModel(model)).start("x", 1))
    )
    expect(error.reason).toBe(expected)
  })

  it("that says nothing is a fault", async () => {
    const chat = Chat.fromModel(modelOf(() => Effect.succeed("  \n")))
    expect((await Effect.runPromise(Effect.flip(user("llm", chat).start("x", 1)))).reason).toBe(
      "BadAnswer"
    )
  })
})
