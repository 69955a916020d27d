import { describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import { Client, deaf, open, servedOneByOne, shown, until, world } from "./serving.ts"

const start = servedOneByOne()

const reset = { type: "reset", data: { seed: 0, anything: true } }
const step = (text: string) => ({ type: "step", data: { text } })
const over = { admissible_commands: null }

describe("/ws", () => {
  it("resets, steps, tells its state and ends once", async () => {
    const { url } = await start()
    const client = await Client.connect(url)
    expect(await client.ask({ type: "state" })).toEqual({
      type: "state",
      data: { episode_id: null, step_count: 0, task_id: null, instruction: null, done: false }
    })
    expect(await client.ask(reset)).toEqual(shown("A bell.", { reward: null }))
    expect(await client.ask(step("look"))).toEqual(shown("You look. <b>"))
    expect(await client.ask(step("ring"))).toEqual(
      shown("You ring. <b>", { reward: 1, done: true }, { ...over, success: true })
    )
    expect(await client.ask({ type: "state" })).toEqual({
      type: "state",
      data: {
        episode_id: "bell-0",
        step_count: 2,
        task_id: "bell/small",
        instruction: "ring the small bell",
        done: true
      }
    })
    expect(await client.ask(step("look"))).toMatchObject({
      type: "error",
      data: { code: "EXECUTION_ERROR", message: expect.stringContaining("reset") }
    })
    expect(
      await client.ask({ type: "reset", data: { task: "bell/large", episode_id: "e" } })
    ).toEqual(shown("A bell.", { reward: null }, { instruction: "ring the large bell" }))
    client.socket.send('{"type":"close"}')
    expect(await client.next()).toEqual({ closed: 1000 })
    await until(() => open.now === 0)
  })

  it("truncates at the step limit", async () => {
    const { url } = await start()
    const client = await Client.connect(url)
    await client.ask(reset)
    for (const _ of [1, 2, 3]) await client.ask(step("look"))
    expect(await client.ask(step("look"))).toEqual(
      shown("You look. <b>", { done: true }, { ...over, success: false, truncated: true })
    )
  })

  it("answers each wrong message with its code, and stays open", async () => {
    const { url } = await start()
    const client = await Client.connect(url)
    const code = async (message: unknown) => {
      const { data } = { data: undefined, ...(await client.ask(message)) }
      return data
    }
    expect(await code("{")).toMatchObject({ code: "INVALID_JSON" })
    expect(await code({ type: "juggle" })).toMatchObject({ code: "UNKNOWN_TYPE" })
    expect(await code({ type: "constructor" })).toMatchObject({ code: "UNKNOWN_TYPE" })
    expect(await code({})).toMatchObject({ code: "UNKNOWN_TYPE" })
    expect(await code(3)).toMatchObject({ code: "VALIDATION_ERROR" })
    expect(await code({ type: "reset", data: { seed: "x" } })).toMatchObject({
      code: "VALIDATION_ERROR",
      errors: [{ loc: ["data", "seed"], input: "x" }]
    })
    expect(await code(step("look"))).toMatchObject({ code: "EXECUTION_ERROR" })
    await client.ask(reset)
    expect(await code({ type: "step", data: {} })).toMatchObject({
      code: "VALIDATION_ERROR",
      errors: [{ type: "missing", loc: ["data", "text"], msg: "Field required" }]
    })
    expect(await code({ type: "step", data: { text: "look", more: 1 } })).toMatchObject({
      code: "VALIDATION_ERROR",
      errors: [{ type: "extra_forbidden", loc: ["data", "more"], input: 1 }]
    })
    expect(await code({ type: "step", data: { action: { text: "look" } } })).toMatchObject({
      code: "VALIDATION_ERROR"
    })
    expect(await code(step("fail"))).toMatchObject({
      code: "EXECUTION_ERROR",
      message: "the clapper is missing; bring one"
    })
    expect(await code(step("die"))).toMatchObject({ code: "EXECUTION_ERROR" })
    expect(await code({ type: "reset", data: { task: "bell/none" } })).toMatchObject({
      code: "EXECUTION_ERROR",
      message: expect.stringContaining("bell/none")
    })
    await client.ask(reset)
    const fine = { text: "look", metadata: { any: 1 } }
    expect(await client.ask({ type: "step", data: fine })).toEqual(shown("You look. <b>"))
  })

  it("tells an episode that failed as an error, never as a reward", async () => {
    const { url } = await start()
    const client = await Client.connect(url)
    await client.ask(reset)
    expect(await client.ask(step("crack"))).toMatchObject({
      type: "error",
      data: { code: "EXECUTION_ERROR", message: expect.stringContaining("counts for nothing") }
    })
    expect(await client.ask(step("look"))).toMatchObject({ data: { code: "EXECUTION_ERROR" } })
    expect(await client.ask(reset)).toMatchObject({ type: "observation" })
  })

  it("lists and calls tools, as actions and as JSON-RPC", async () => {
    const { url } = await start()
    const client = await Client.connect(url)
    const listed = await client.ask({ type: "step", data: { type: "list_tools" } })
    expect(listed).toMatchObject({ data: { observation: { tools: [{ name: "act" }] } } })
    await client.ask(reset)
    const called = { type: "call_tool", tool_name: "act", arguments: { text: "look" } }
    expect(await client.ask({ type: "step", data: called })).toEqual(
      shown("You look. <b>", {}, { tool_name: "act", result: "You look. <b>", error: null })
    )
    const rpc = {
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: { name: "act", arguments: { text: "ring" } }
    }
    expect(await client.ask({ type: "mcp", data: rpc })).toEqual({
      type: "mcp",
      data: {
        jsonrpc: "2.0",
        id: 7,
        result: {
          content: [{ type: "text", text: "You ring. <b>" }],
          isError: false,
          reward: 1,
          done: true
        }
      }
    })
    expect(await client.ask({ type: "mcp", data: { method: "x" } })).toMatchObject({
      data: { error: { code: -32600 } }
    })
  })

  it("takes no more sessions than it has seats, and gives a seat back", async () => {
    const { sessions, url } = await start({ maxSessions: 1 })
    const first = await Client.connect(url)
    await first.ask(reset)
    const second = await Client.connect(url)
    expect(await second.next()).toMatchObject({
      type: "error",
      data: { code: "CAPACITY_REACHED", active_sessions: 1, max_sessions: 1 }
    })
    expect(await second.next()).toEqual({ closed: 1013 })
    first.socket.close()
    await until(async () => (await sessions()) === 0)
    const third = await Client.connect(url)
    expect(await third.ask(reset)).toMatchObject({ type: "observation" })
  })

  it("says when a world cannot be made, and closes", async () => {
    const broken = Effect.fail({ message: "there is no bell; cast one" })
    const { url } = await start({ world: broken })
    const client = await Client.connect(url)
    expect(await client.next()).toEqual({
      type: "error",
      data: { code: "FACTORY_ERROR", message: "there is no bell; cast one" }
    })
    expect(await client.next()).toEqual({ closed: 1013 })
  })

  it("refuses a frame over the limit, and the others go on", async () => {
    const { url } = await start()
    const [first, other] = [await Client.connect(url), await Client.connect(url)]
    await first.ask(reset)
    await other.ask(reset)
    expect(await first.ask("x".repeat((1 << 16) + 1))).toEqual({ closed: 1009 })
    expect(await other.ask(step("look"))).toEqual(shown("You look. <b>"))
  })

  it("closes the episode of a client that vanishes in the middle of a step", async () => {
    const { url } = await start()
    const client = await Client.connect(url)
    await client.ask(reset)
    expect(open.now).toBe(1)
    client.socket.send(JSON.stringify(step("wait")))
    client.socket.close()
    await until(() => open.now === 0)
  })

  it("answers a client that does not read no more than it can hold, and others as ever", async () => {
    const { url } = await start({ world: Effect.succeed({ ...world, stepLimit: 1000 }) })
    const before = open.steps
    const client = deaf(url, 300)
    const other = await Client.connect(url)
    await until(() => open.steps > before)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const steps = open.steps
    expect(steps - before).toBeLessThan(100)
    expect(await other.ask(reset)).toMatchObject({ type: "observation" })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(open.steps).toBe(steps)
    client.destroy()
    other.socket.close()
    await until(() => open.now === 0)
  })

  it("closes a session that is silent for too long", async () => {
    const { url } = await start({ idle: "40 millis" })
    const client = await Client.connect(url)
    expect(await client.next()).toMatchObject({ data: { code: "SESSION_ERROR" } })
    expect(await client.next()).toEqual({ closed: 1001 })
  })

  it("answers what is asked before it closes, and takes nobody in while it closes", async () => {
    const { close, url } = await start()
    const [busy, quiet] = [await Client.connect(url), await Client.connect(url)]
    await busy.ask(reset)
    await quiet.ask(reset)
    const answer = busy.ask(step("slow"))
    await until(() => open.now === 2)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const closed = close()
    expect(await answer).toEqual(shown("You slow. <b>"))
    expect(await busy.next()).toEqual({ closed: 1001 })
    expect(await quiet.next()).toEqual({ closed: 1001 })
    await closed
    await expect(fetch(`${url}/health`)).rejects.toThrow()
  })

  it("waits for a step without an end no longer than its grace", async () => {
    const { close, url } = await start({ grace: "50 millis" })
    const [stuck, next] = [await Client.connect(url), await Client.connect(url)]
    await stuck.ask(reset)
    stuck.socket.send(JSON.stringify(step("wait")))
    await next.ask(reset)
    const before = performance.now()
    await close()
    expect(performance.now() - before).toBeLessThan(1000)
    expect(await next.next()).toEqual({ closed: 1001 })
  })

  it("answers in the order of the questions, however fast they come", async () => {
    const { url } = await start()
    const client = await Client.connect(url)
    const asked = [reset, step("slow"), reset, step("look"), { type: "state" }, step("ring")]
    for (const message of asked) client.socket.send(JSON.stringify(message))
    const answers = []
    for (const _ of asked) answers.push(await client.next())
    expect(answers).toEqual([
      shown("A bell.", { reward: null }),
      shown("You slow. <b>"),
      shown("A bell.", { reward: null }),
      shown("You look. <b>"),
      expect.objectContaining({ type: "state", data: expect.objectContaining({ step_count: 1 }) }),
      shown("You ring. <b>", { reward: 1, done: true }, { ...over, success: true })
    ])
    client.socket.send(JSON.stringify(reset))
    client.socket.send(JSON.stringify(step("slow")))
    client.socket.send('{"type":"close"}')
    client.socket.send(JSON.stringify(step("look")))
    expect(await client.next()).toMatchObject({ type: "observation" })
    expect(await client.next()).toEqual(shown("You slow. <b>"))
    expect(await client.next()).toEqual({ closed: 1000 })
  })

  it("does not play for a page of another site", async () => {
    const { url } = await start()
    const foreign = await fetch(`${url}/ws`, { headers: { origin: "https://elsewhere.example" } })
    expect(foreign.status).toBe(403)
    expect((await fetch(`${url}/ws`)).status).toBe(426)
  })
})
