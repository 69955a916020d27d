/**
 * What the server says about itself: JSON schemas, an OpenAPI document, and the same as a page.
 * It is written by hand beside the routes; a test compares the two.
 */
import * as Schema from "effect/Schema"
import * as Wire from "./Wire.ts"

const schemaOf = (schema: Schema.Constraint, onExcessProperty: "ignore" | "error" = "ignore") => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema, { onExcessProperty })
  return Object.keys(definitions).length === 0 ? root : { ...root, $defs: definitions }
}

/** The answer of `/schema`. */
export const schemas = {
  action: schemaOf(Wire.TextAction, "error"),
  observation: schemaOf(Wire.Observation),
  state: schemaOf(Wire.State)
}

/** What a server may leave out: requests that forget each other, and the web interface. */
export type Part = "control" | "web"

interface Route {
  readonly method: "get" | "post"
  readonly path: string
  readonly summary: string
  readonly part?: Part
}

/** Every route, in the order of the page. */
export const routes: ReadonlyArray<Route> = [
  { method: "get", path: "/ws", summary: "WebSocket: one connection is one session; train here" },
  { method: "get", path: "/health", summary: "Whether the server is up" },
  { method: "get", path: "/metadata", summary: "Which environment this is" },
  { method: "get", path: "/schema", summary: "JSON schemas of action, observation and state" },
  { method: "get", path: "/state", summary: "The state of a fresh session", part: "control" },
  {
    method: "post",
    path: "/reset",
    summary: "A fresh episode, which the next request forgets",
    part: "control"
  },
  { method: "post", path: "/step", summary: "One action in a fresh episode", part: "control" },
  {
    method: "post",
    path: "/mcp",
    summary: "JSON-RPC 2.0: tools/list, tools/call, openenv/session/*"
  },
  { method: "get", path: "/mcp", summary: "WebSocket: the same JSON-RPC, one session" },
  { method: "get", path: "/docs", summary: "This page" },
  { method: "get", path: "/openapi.json", summary: "This page for programs" },
  { method: "get", path: "/", summary: "Leads to a page" },
  { method: "get", path: "/web", summary: "Play by hand", part: "web" },
  { method: "get", path: "/web/metadata", summary: "As /metadata", part: "web" },
  {
    method: "post",
    path: "/web/reset",
    summary: "An episode that all who use the web interface share",
    part: "web"
  },
  { method: "post", path: "/web/step", summary: "{ action } or { message } in it", part: "web" },
  {
    method: "get",
    path: "/web/state",
    summary: "Its state; 409 before the first reset",
    part: "web"
  },
  { method: "get", path: "/ws/ui", summary: "WebSocket: what becomes of it, pushed", part: "web" },
  { method: "get", path: "/agentgym", summary: "AgentGym: a banner" },
  { method: "post", path: "/agentgym/create", summary: "AgentGym: opens a session" },
  { method: "post", path: "/agentgym/reset", summary: "AgentGym: { id, game }" },
  { method: "post", path: "/agentgym/step", summary: "AgentGym: { id, action }" },
  { method: "post", path: "/agentgym/close", summary: "AgentGym: { id }" },
  { method: "get", path: "/agentgym/available_actions", summary: "AgentGym: ?id" },
  { method: "get", path: "/agentgym/observation", summary: "AgentGym: ?id" },
  { method: "get", path: "/agentgym/detail", summary: "AgentGym: ?id" }
]

/** The routes of a server that has these parts. */
export const served = (parts: ReadonlyArray<Part>): ReadonlyArray<Route> =>
  routes.filter(({ part }) => part === undefined || parts.includes(part))

const bodies: Readonly<Record<string, object>> = {
  "/reset": { $ref: "#/components/schemas/Reset" },
  "/step": {
    type: "object",
    properties: {
      action: { $ref: "#/components/schemas/Action" },
      timeout_s: { type: ["number", "null"] },
      request_id: { type: ["string", "null"] }
    },
    required: ["action"]
  }
}

interface Shown {
  readonly version: string
  readonly parts: ReadonlyArray<Part>
}

/** The answer of `/openapi.json`. */
export const document = ({ parts, version }: Shown) => ({
  openapi: "3.1.0",
  info: { title: "dreamgym environment", version },
  paths: Object.fromEntries(
    [...Map.groupBy(served(parts), ({ path }) => path)].map(([path, same]) => [
      path,
      Object.fromEntries(same.map((route) => [route.method, operationOf(route)]))
    ])
  ),
  components: {
    schemas: {
      Action: schemas.action,
      Observation: schemas.observation,
      State: schemas.state,
      Reset: schemaOf(Wire.Reset)
    }
  }
})

const operationOf = ({ method, path, summary }: Route) => ({
  summary,
  ...(method === "post"
    ? {
        requestBody: {
          content: { "application/json": { schema: bodies[path] ?? { type: "object" } } }
        }
      }
    : {}),
  responses: { 200: { description: "OK" } }
})

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** The answer of `/docs`. */
export const page = ({ parts, version }: Shown): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>dreamgym environment</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td{padding:.2rem 1rem .2rem 0;vertical-align:top}
pre{background:#f4f4f4;padding:1rem;overflow:auto}code{white-space:nowrap}</style></head><body>
<h1>dreamgym environment ${escaped(version)}</h1>
<p>The OpenEnv protocol, and AgentGym's routes.
${
  parts.includes("web")
    ? `<a href="/web/">Play by hand</a>,
`
    : ""
}<a href="/openapi.json">openapi.json</a>.</p>
<table>${served(parts)
  .map(
    ({ method, path, summary }) =>
      `<tr><td><code>${method.toUpperCase()} ${escaped(path)}</code></td><td>${escaped(summary)}</td></tr>`
  )
  .join("\n")}</table>
<h2>Over /ws</h2>
<pre>{"type":"reset","data":{"seed":1}}
{"type":"step","data":{"text":"look"}}
{"type":"state"}
{"type":"mcp","data":{"jsonrpc":"2.0","id":1,"method":"tools/list"}}
{"type":"close"}</pre>
<h2>Schemas</h2>
<pre>${escaped(JSON.stringify(schemas, undefined, 2))}</pre>
</body></html>
`
