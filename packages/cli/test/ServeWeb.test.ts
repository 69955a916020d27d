import { describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import { Client, ask, servedOneByOne, shown, until, world } from "./serving.ts"

const start = servedOneByOne()

const untouched = {
  episode_id: null,
  step_count: 0,
  current_observation: null,
  action_logs: [],
  is_reset: true
}

describe("the web interface", () => {
  it("is one session that all share, and pushes what becomes of it to who watches", async () => {
    const { sessions, url } = await start()
    const watcher = await Client.connect(url, "/ws/ui")
    expect(await watcher.next()).toEqual({ type: "state_update", episode_state: untouched })
    expect(await ask(`${url}/web/metadata`)).toEqual(await ask(`${url}/metadata`))
    expect(await ask(`${url}/web/state`)).toEqual([
      409,
      { detail: "there is no episode; reset first" }
    ])
    const first = shown("A bell.", { reward: null }).data
    expect(await ask(`${url}/web/reset`, { seed: 0 })).toEqual([200, first])
    const begun = { ...untouched, episode_id: "bell-0", current_observation: first.observation }
    expect(await watcher.next()).toEqual({ type: "state_update", episode_state: begun })
    const second = shown("You look. <b>").data
    expect(await ask(`${url}/web/step`, { action: { text: "look" } })).toEqual([200, second])
    const log = {
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      action: { text: "look" },
      ...second,
      step_count: 1
    }
    const looked = {
      episode_id: "bell-0",
      step_count: 1,
      current_observation: second.observation,
      action_logs: [log],
      is_reset: false
    }
    expect(await watcher.next()).toEqual({ type: "state_update", episode_state: looked })
    expect(await ask(`${url}/web/state`)).toMatchObject([200, { step_count: 1, done: false }])
    const late = await Client.connect(url, "/ws/ui")
    expect(await late.next()).toEqual({ type: "state_update", episode_state: looked })
    expect(await ask(`${url}/web/step`, { message: "ring" })).toMatchObject([
      200,
      { reward: 1, done: true }
    ])
    expect(await sessions()).toBe(1)
  })

  it("says what is wrong: 409 without an episode, 422 for wrong fields, 500 for a fault", async () => {
    const { url } = await start()
    const step = (body: unknown) => ask(`${url}/web/step`, body)
    expect(await step({ message: "look" })).toMatchObject([409, {}])
    expect(await ask(`${url}/web/reset`, { task: "bell/none" })).toMatchObject([
      500,
      { detail: expect.stringContaining("bell/none") }
    ])
    expect(await ask(`${url}/web/state`)).toMatchObject([409, {}])
    await ask(`${url}/web/reset`, "", "POST")
    expect(await step({})).toMatchObject([
      422,
      { detail: [{ loc: ["body", "message"] }, { loc: ["body", "action"] }] }
    ])
    expect(await step({ action: { words: "look" } })).toMatchObject([
      422,
      { detail: expect.arrayContaining([expect.objectContaining({ type: "missing" })]) }
    ])
    expect(await step({ message: "fail" })).toMatchObject([500, {}])
    expect(await step({ message: "ring" })).toMatchObject([200, { done: true }])
    expect(await step({ message: "look" })).toMatchObject([409, {}])
  })

  it("is given up when idle, and begins again", async () => {
    const { sessions, url } = await start({ idle: "40 millis" })
    await ask(`${url}/web/reset`, {})
    await until(async () => (await sessions()) === 0)
    expect(await ask(`${url}/web/state`)).toMatchObject([409, {}])
    expect(await ask(`${url}/web/reset`, {})).toMatchObject([200, { done: false }])
  })

  it("opens one session, however many begin at once", async () => {
    const { sessions, url } = await start({ world: Effect.delay(Effect.succeed(world), 20) })
    const begun = await Promise.all([1, 2, 3, 4].map(() => ask(`${url}/web/reset`, { seed: 0 })))
    expect(begun.map(([status]) => status)).toEqual([200, 200, 200, 200])
    expect(await sessions()).toBe(1)
  })

  it("tells who watches that the server closes", async () => {
    const { close, url } = await start()
    const watcher = await Client.connect(url, "/ws/ui")
    await watcher.next()
    await close()
    expect(await watcher.next()).toEqual({ closed: 1001 })
  })
})

describe("in production", () => {
  const status = async (url: string) => (await fetch(url, { redirect: "manual" })).status

  it("there is no control over HTTP and no web interface, and the rest is as ever", async () => {
    const { url } = await start({ parts: [] })
    const gone = ["/reset", "/step", "/state", "/web", "/web/", "/web/metadata", "/web/state"]
    for (const path of [...gone, "/ws/ui"])
      expect([path, await status(url + path)]).toEqual([path, 404])
    const posted = await Promise.all(
      ["/reset", "/step", "/web/reset"].map((path) => ask(url + path, {}))
    )
    expect(posted).toEqual(posted.map(() => [404, { detail: "Not Found" }]))
    expect(await ask(`${url}/health`)).toEqual([200, { status: "healthy" }])
    expect(await (await fetch(`${url}/docs`)).text()).not.toMatch(
      /(GET|POST) \/(web|reset|step|state|ws\/ui)|href="\/web/
    )
    expect((await fetch(url, { redirect: "manual" })).headers.get("location")).toBe("/docs")
    const client = await Client.connect(url)
    expect(await client.ask({ type: "reset", data: {} })).toMatchObject({ type: "observation" })
  })

  it("the web interface is there when it is asked for", async () => {
    const { url } = await start({ parts: ["web"] })
    expect(await ask(`${url}/web/reset`, {})).toMatchObject([200, {}])
    expect(await status(`${url}/state`)).toBe(404)
  })
})

describe("every request", () => {
  it("of a page of another site is sent away", async () => {
    const { sessions, url } = await start()
    const origin = "https://elsewhere.example"
    for (const path of ["/agentgym/create", "/web/reset", "/reset", "/mcp"]) {
      const answer = await fetch(url + path, { method: "POST", headers: { origin }, body: "{}" })
      expect([path, answer.status]).toEqual([path, 403])
    }
    expect(await sessions()).toBe(0)
    const own = await fetch(`${url}/health`, { headers: { origin: url } })
    expect(own.status).toBe(200)
  })

  it("to no address is 404, by the wrong method 405, and HEAD is GET without a body", async () => {
    const { url } = await start()
    expect(await ask(`${url}/nothing?x=1`)).toEqual([404, { detail: "Not Found" }])
    const wrong = await fetch(`${url}/health/?x`, { method: "POST", body: "{}" })
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET"])
    expect((await fetch(`${url}/health`, { method: "OPTIONS" })).status).toBe(405)
    const head = await fetch(`${url}/health`, { method: "HEAD" })
    expect([head.status, await head.text()]).toEqual([200, ""])
  })

  it("with numbers and names that no world has is told so", async () => {
    const { url } = await start()
    for (const seed of ["1e400", "9007199254740993", "1.5", '"1"', "[]", "true"]) {
      expect([seed, await ask(`${url}/reset`, `{"seed":${seed}}`)]).toMatchObject([
        seed,
        [422, { detail: [{ loc: ["body", "seed"] }] }]
      ])
    }
    expect(await ask(`${url}/reset`, '{"seed":NaN}')).toMatchObject([422, {}])
    expect(await ask(`${url}/reset`, '{"seed":9,"seed":0}')).toMatchObject([200, {}])
    const odd = { action: { text: "\u0000\u{1F514}\ud800 ' OR 1=1 --" } }
    expect(await ask(`${url}/step`, odd)).toMatchObject([200, { done: false }])
    const proto = '{"action":{"text":"look","__proto__":{"x":1}}}'
    expect(await ask(`${url}/step`, proto)).toMatchObject([422, {}])
  })
})
