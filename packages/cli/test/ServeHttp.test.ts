import { describe, expect, it } from "vitest"
import * as Schema from "effect/Schema"
import * as OpenApi from "../src/serve/OpenApi.ts"
import { dreamgym } from "./front.ts"
import { Client, ask, open, serve, servedOneByOne, shown, until } from "./serving.ts"

const start = servedOneByOne()

describe("HTTP", () => {
  it("answers what a trainer asks before it connects", async () => {
    const { url } = await start()
    expect(await ask(`${url}/health`)).toEqual([200, { status: "healthy" }])
    expect(await ask(`${url}/metadata`)).toMatchObject([
      200,
      { name: "bell", description: "One bell", version: "1" }
    ])
    const [, schema] = await ask(`${url}/schema`)
    expect(schema).toMatchObject({
      action: { type: "object", required: ["text"], additionalProperties: false },
      observation: { type: "object" },
      state: { properties: { step_count: {} } }
    })
    expect(await ask(`${url}/state`)).toMatchObject([200, { episode_id: null, step_count: 0 }])
  })

  it("gives every request an episode of its own", async () => {
    const { url } = await start()
    const first = await ask(`${url}/reset`, { seed: 0 })
    expect(first).toEqual([200, shown("A bell.", { reward: null }).data])
    expect(await ask(`${url}/reset`, "", "POST")).toMatchObject([200, { reward: null }])
    const [status, stepped] = await ask(`${url}/step`, { action: { text: "ring" } })
    expect([status, stepped]).toMatchObject([200, { reward: 1, done: true }])
    expect(open.now).toBe(0)
  })

  it("says by 422 what is wrong with a request, and refuses what is too long", async () => {
    const { url } = await start()
    expect(await ask(`${url}/step`, { action: { words: "ring" } })).toEqual([
      422,
      {
        detail: expect.arrayContaining([
          { type: "missing", loc: ["body", "action", "text"], msg: "Field required", input: null },
          {
            type: "extra_forbidden",
            loc: ["body", "action", "words"],
            msg: "Extra inputs are not permitted",
            input: "ring"
          }
        ])
      }
    ])
    expect(await ask(`${url}/step`, {})).toMatchObject([
      422,
      { detail: [{ type: "missing", loc: ["body", "action"] }] }
    ])
    expect(await ask(`${url}/reset`, "{")).toMatchObject([
      422,
      { detail: [{ type: "json_invalid" }] }
    ])
    expect(await ask(`${url}/reset`, "x".repeat((1 << 16) + 1))).toMatchObject([413, {}])
    expect(await ask(`${url}/step`, { action: { text: "wait" }, timeout_s: 0.05 })).toMatchObject([
      504,
      {}
    ])
    await until(() => open.now === 0)
  })

  it("has a document that names every route, and each route that it names is there", async () => {
    const { url } = await start()
    const [, document] = await ask(`${url}/openapi.json`)
    const paths = Schema.decodeUnknownSync(
      Schema.Struct({ paths: Schema.Record(Schema.String, Schema.Unknown) })
    )(document).paths
    expect(Object.keys(paths)).toEqual([...new Set(OpenApi.routes.map(({ path }) => path))])
    for (const { method, path } of OpenApi.routes) {
      const body = method === "post" ? { body: "[" } : {}
      const { status } = await fetch(url + path, { method: method.toUpperCase(), ...body })
      expect([path, status === 404]).toEqual([path, false])
    }
    for (const path of ["/docs", "/web/", "/"]) {
      const page = await fetch(url + path)
      expect(page.headers.get("content-type")).toMatch(/^text\/html/)
      expect(page.headers.get("content-security-policy")).toContain("default-src 'none'")
    }
  })

  it("takes a seat for every request that plays, and says when there is none", async () => {
    const { url } = await start({ maxSessions: 1 })
    const client = await Client.connect(url)
    await client.ask({ type: "state" })
    const detail = expect.stringContaining("--max-sessions")
    expect(await ask(`${url}/reset`, {})).toEqual([503, { detail }])
    expect(await ask(`${url}/web/reset`, {})).toEqual([503, { detail }])
    const params = { name: "act", arguments: { text: "look" } }
    const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params }
    const error = { code: -32000, message: detail }
    expect(await ask(`${url}/mcp`, call)).toEqual([200, { jsonrpc: "2.0", id: 1, error }])
    expect(await ask(`${url}/health`)).toEqual([200, { status: "healthy" }])
  })

  it("keeps sessions for JSON-RPC over POST, as long as they are wanted", async () => {
    const { sessions, url } = await start()
    const rpc = (method: string, params: object = {}) =>
      ask(`${url}/mcp`, { jsonrpc: "2.0", id: 1, method, params })
    const created = await rpc("openenv/session/create")
    expect(created).toEqual([200, { jsonrpc: "2.0", id: 1, result: { session_id: "0" } }])
    const call = { session_id: "0", name: "act", arguments: { text: "look" } }
    expect(await rpc("tools/call", call)).toMatchObject([200, { result: { done: false } }])
    expect(await sessions()).toBe(1)
    expect(await rpc("openenv/session/close", { session_id: "0" })).toMatchObject([
      200,
      { result: { closed: true } }
    ])
    expect(await rpc("tools/call", call)).toMatchObject([200, { error: { code: -32602 } }])
    expect(await rpc("tools/call", { name: "sing" })).toMatchObject([
      200,
      { error: { code: -32602 } }
    ])
    expect(await rpc("sing")).toMatchObject([200, { error: { code: -32601 } }])
    expect(await ask(`${url}/mcp`, "{")).toMatchObject([200, { error: { code: -32700 } }])
    await rpc("openenv/session/create")
    await rpc("openenv/session/create")
    expect(await rpc("openenv/session/create")).toMatchObject([200, { error: { code: -32000 } }])
  })
})

it("an address that is taken is an error that says so", async () => {
  const { url } = await start()
  await expect(serve({ port: Number(new URL(url).port) })).rejects.toMatchObject({
    _tag: "ServeError",
    message: expect.stringContaining("EADDRINUSE")
  })
})

it("openenv.yaml is printed, and nothing is served", async () => {
  const { code, out } = await dreamgym("serve env household --port 8123 --openenv-yaml".split(" "))
  expect([code, out.split("\n").filter((line) => !line.startsWith("#"))]).toEqual([
    0,
    [
      "spec_version: 1",
      "name: dreamgym-household",
      "type: space",
      "runtime: fastapi",
      "app: server.app:app",
      "port: 8123",
      ""
    ]
  ])
})
