/** `play tau-bench`: a customer who reads a script, who is a person, or who is a model behind a server. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Redacted from "effect/Redacted"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as ServedChat from "../src/ServedChat.ts"
import { serve, type Reply } from "./chatServer.ts"
import { dreamgym } from "./front.ts"

const order = {
  order_id: "#W1",
  user_id: "ada_1",
  items: [],
  status: "pending",
  payment_history: [{ transaction_type: "payment", amount: 7.5, payment_method_id: "paypal_1" }]
}

const files = {
  users: {
    ada_1: {
      name: { first_name: "Ada", last_name: "Lee" },
      address: { zip: "89073" },
      email: "ada@example.com",
      payment_methods: { paypal_1: { source: "paypal" } }
    }
  },
  orders: { "#W1": order },
  products: {},
  policy: { wiki: "Be kind.", rules: [], terminate_tools: ["transfer_to_human_agents"] },
  tools: [
    {
      type: "function",
      function: { name: "cancel_pending_order", description: "Cancel.", parameters: {} }
    }
  ],
  tasks_test: [
    {
      user_id: "ada_1",
      instruction: "You are Ada. Cancel #W1.",
      actions: [
        { name: "cancel_pending_order", kwargs: { order_id: "#W1", reason: "no longer needed" } }
      ],
      outputs: ["7.5"]
    }
  ]
}

let data = ""
beforeAll(() => {
  data = fs.mkdtempSync(path.join(os.tmpdir(), "play-"))
  fs.mkdirSync(path.join(data, "retail"))
  for (const [name, content] of Object.entries(files)) {
    fs.writeFileSync(path.join(data, "retail", `${name}.json`), JSON.stringify(content))
  }
})
afterAll(() => fs.rmSync(data, { recursive: true, force: true }))

const cancel = "cancel_pending_order(order_id='#W1', reason='no longer needed')"

const key = "sk-0123456789"

const play = (
  lines: ReadonlyArray<string>,
  flags: ReadonlyArray<string> = [],
  env: Readonly<Record<string, string>> = {}
) =>
  dreamgym(["play", "tau-bench", "--split", "retail/test", "--data", data, ...flags], {
    stdin: lines.map((line) => `${line}\n`).join(""),
    env
  })

describe("play tau-bench", () => {
  it("has a customer who reads a script, and shows with ? what an agent is told", async () => {
    const { code, out } = await play(["?", cancel, "You get 7.5 back."])
    expect(code).toBe(0)
    expect(out).toMatch(/^You are Ada\. Cancel #W1\.\n/)
    expect(out).toContain("> ?\nBe kind.\n")
    expect(out).toMatch(/\nDone, in 2 steps\.\n$/)
  })

  it("can be played by two at one terminal, each asked in turn", async () => {
    const lines = ["Cancel my order", cancel, "You get 7.5 back.", "", "Thanks ###STOP###"]
    const { code, out } = await play(lines, ["--user", "human"])
    expect(code).toBe(0)
    expect(
      out.split("\n").filter((line) => /^(To the customer|customer>|agent>)/.test(line))
    ).toEqual([
      "To the customer: You are Ada. Cancel #W1.",
      "customer> Cancel my order",
      `agent> ${cancel}`,
      "agent> You get 7.5 back.",
      "To the customer: You get 7.5 back.",
      "customer> Thanks ###STOP###"
    ])
    expect(out).toMatch(/\nDone, in 2 steps\.\n$/)
  })

  it("is left by the customer as by the agent, before the first line and later, without a reward", async () => {
    const left = [
      [],
      ["quit"],
      ["Cancel my order", "quit"],
      ["Cancel my order", "Which?"],
      ["Cancel my order", "Which?", "quit"]
    ]
    for (const lines of left) {
      const { code, err, out } = await play(lines, ["--user", "human", "--json"])
      expect([code, JSON.parse(out)]).toMatchObject([0, { steps: 0, reward: 0, ended: false }])
      expect(err).toContain("To the customer: You are Ada.")
    }
  })

  it.each([
    [["--user", "model"], /^error: --user model: --user-url is missing/],
    [["--user", "model", "--user-url", "http://h/v1"], /^error: --user model: --user-model is/],
    [["--user-url", "http://h/v1"], /^error: --user-url: nothing would read it without --user m/],
    [["--user", "human", "--user-model", "m"], /^error: --user-model: nothing would read it/],
    [["--user", "human", "--user-strategy", "llm"], /^error: --user-strategy: nothing would/],
    [["--user", "model", "--user-url", "ftp://h", "--user-model", "m"], /no http address/],
    [["--user", "model", "--user-url", "http://a:b@h", "--user-model", "m"], /holds a name or/],
    [["--user", "model", "--user-url", "http://h", "--user-model", " "], /the model has no name/]
  ])("refuses %j", async (flags, why) => {
    const { code, err } = await play([], flags)
    expect([code, err]).toEqual([2, expect.stringMatching(why)])
  })

  it("refuses a customer where a world has none", async () => {
    const { code, err } = await dreamgym(["play", "household", "--user", "human"])
    expect([code, err]).toEqual([
      2,
      "error: --user: nothing would read it with the world household; leave it out\n"
    ])
  })
})

/** Plays against a server that answers so. */
const against = async (
  replies: ReadonlyArray<Reply>,
  lines: ReadonlyArray<string>,
  flags: ReadonlyArray<string> = []
) => {
  const server = await serve(replies)
  const model = ["--user", "model", "--user-url", `${server.url}/`, "--user-model", "m"]
  const told = await play(lines, [...model, ...flags], { DREAMGYM_USER_KEY: key })
  server.close()
  return { ...told, asked: server.asked }
}

describe("a customer behind a server", () => {
  it("hears the instruction and the agent, and never the tools", async () => {
    const { asked, code, out } = await against(
      ["Hello, cancel #W1.", "###STOP###"],
      [cancel, "You get 7.5 back."]
    )
    expect(code).toBe(0)
    expect(out).toMatch(/^Hello, cancel #W1\.\n[^]*\nDone, in 2 steps\.\n$/)
    expect(asked.map(({ authorization, url }) => [url, authorization])).toEqual([
      ["/v1/chat/completions", `Bearer ${key}`],
      ["/v1/chat/completions", `Bearer ${key}`]
    ])
    const [, last] = asked.map(({ question }) => question)
    expect(last?.model).toBe("m")
    expect(last?.messages).toEqual([
      { role: "system", content: expect.stringContaining("You are Ada. Cancel #W1.") },
      { role: "user", content: "Hi! How can I help you today?" },
      { role: "assistant", content: "Hello, cancel #W1." },
      { role: "user", content: "You get 7.5 back." }
    ])
    expect(new Set(asked.map(({ question }) => question.seed)).size).toBe(2)
  })

  it.each([
    ["react", ["Thought:\nsay hi\n\nUser Response:\nHi"], 1],
    ["verify", ["No", "false", "Hi", "true"], 4],
    ["reflection", ["No", "false", "Reflection:\nbad\n\nResponse:\nHi", "Hi", "true"], 5]
  ] as const)("may play by the strategy %s", async (strategy, replies, questions) => {
    const { asked, out } = await against(replies, [], ["--user-strategy", strategy])
    expect([out.split("\n")[0], asked.length]).toEqual(["Hi", questions])
  })

  const faults: Readonly<Record<string, readonly [Reply, string]>> = {
    "refuses the key": [{ status: 401, body: key }, "the server answered 401: look at the key"],
    "has had enough": [
      { status: 429, headers: { "retry-after": "100" } },
      "the server answered 429 and wants to be left alone for 1m 40s"
    ],
    "does not know the model": [
      { status: 404, body: '{"error": "no model m"}' },
      'the server answered 404: {"error": "no model m"}'
    ],
    "talks nonsense": [{ body: "<html>" }, "the answer is not JSON: <html>"],
    "answers another question": [{ body: '{"data": []}' }, "the answer is no chat completion: "],
    "answers no choice": [{ body: '{"choices": []}' }, "the answer is no chat completion: "],
    "says nothing": [" ", "the answer has no text"],
    "does not stop": [{ body: `"${"x".repeat(2 ** 20)}"` }, "the answer is longer than 1 MiB"],
    "does not keep to the format": ["Hi", "m did not keep to the format"]
  }
  it.each(Object.entries(faults))(
    "who %s is an error with a remedy, never a reward",
    async (name, [reply, why]) => {
      const flags = name.includes("format") ? ["--user-strategy", "react"] : []
      const { code, err, out } = await against([reply], [cancel], [...flags, "--json"])
      expect(code).toBe(1)
      expect(err).toContain(`error: the customer cannot go on: m`)
      expect(err).toContain(why)
      expect(err).toMatch(/; (see|look at|take) /)
      expect(JSON.parse(out)).toMatchObject({ error: { tag: "EnvironmentError" } })
      expect(`${err}${out}`).not.toContain(key)
    }
  )

  it("who goes in the middle ends the play with an error", async () => {
    const { code, err } = await against(["Hi", { status: 400 }], [cancel, "You get 7.5 back."])
    expect([code, err]).toEqual([1, expect.stringContaining("the server answered 400")])
  })

  it("who is not there is an error that names the address", async () => {
    const server = await serve([])
    server.close()
    const flags = ["--user", "model", "--user-url", server.url, "--user-model", "m"]
    const { code, err } = await play([cancel], flags)
    expect(code).toBe(1)
    expect(err).toContain(`${server.url}/chat/completions: no answer came: `)
    expect(err).toContain("see that the server runs")
  })

  it("who hangs is given up", async () => {
    const server = await serve(["hang"])
    const program = ServedChat.make({ url: server.url, model: "m", timeout: 80 }).pipe(
      Effect.flatMap((chat) => Effect.flip(chat.answer([{ role: "user", content: "Hi" }], 1))),
      Effect.provide(FetchHttpClient.layer)
    )
    const error = await Effect.runPromise(program)
    server.close()
    expect(error.reason).toBe("Unavailable")
    expect(error.message).toContain("no whole answer came within 80ms")
  })

  it("is asked again where the server was only busy", async () => {
    const server = await serve([{ status: 503 }, "Hi"])
    const program = ServedChat.make({ url: server.url, model: "m", firstWait: 1 }).pipe(
      Effect.flatMap((chat) => chat.answer([{ role: "user", content: "Hi" }], 1)),
      Effect.provide(FetchHttpClient.layer)
    )
    expect(await Effect.runPromise(program)).toBe("Hi")
    server.close()
    expect(server.asked.map(({ authorization }) => authorization)).toEqual([undefined, undefined])
  })

  it("has a key that is a key", async () => {
    const options = { url: "http://h/v1", model: "m", key: Redacted.make("a b") }
    const program = ServedChat.make(options).pipe(Effect.provide(FetchHttpClient.layer))
    const { message } = await Effect.runPromise(Effect.flip(program))
    expect(message).toContain("holds blanks")
    expect(message).not.toContain("a b")
  })
})
