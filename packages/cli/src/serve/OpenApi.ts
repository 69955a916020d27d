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

interface Route {
  readonly method: "get" | "post"
  readonly path: string
  readonly summary: string
}

/** Every route, in the order of the page. */
export const routes: ReadonlyArray<Route> = [
  { method: "get", path: "/ws", summary: "WebSocket: one connection is one session; train here" },
  { method: "get", path: "/health", summary: "Whether the server is up" },
  { method: "get", path: "/metadata", summary: "Which environment this is" },
  { method: "get", path: "/schema", summary: "JSON schemas of action, observation and state" },
  { method: "get", path: "/state", summary: "The state of a fresh session" },
  { method: "post", path: "/reset", summary: "A fresh episode, which the next request forgets" },
  { method: "post", path: "/step", summary: "One action in a fresh episode" },
  {
    method: "post",
    path: "/mcp",
    summary: "JSON-RPC 2.0: tools/list, tools/call, openenv/session/*"
  },
  { method: "get", path: "/mcp", summary: "WebSocket: the same JSON-RPC, one session" },
  { method: "get", path: "/docs", summary: "This page" },
  { method: "get", path: "/openapi.json", summary: "This page for programs" },
  { method: "get", path: "/", summary: "Leads to /web/" },
  { method: "get", path: "/web", summary: "Play by hand" },
  { method: "get", path: "/agentgym", summary: "AgentGym: a banner" },
  { method: "post", path: "/agentgym/create", summary: "AgentGym: opens a session" },
  { method: "post", path: "/agentgym/reset", summary: "AgentGym: { id, game }" },
  { method: "post", path: "/agentgym/step", summary: "AgentGym: { id, action }" },
  { method: "post", path: "/agentgym/close", summary: "AgentGym: { id }" },
  { method: "get", path: "/agentgym/available_actions", summary: "AgentGym: ?id" },
  { method: "get", path: "/agentgym/observation", summary: "AgentGym: ?id" },
  { method: "get", path: "/agentgym/detail", summary: "AgentGym: ?id" }
]

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

/** The answer of `/openapi.json`. */
export const document = (version: string) => ({
  openapi: "3.1.0",
  info: { title: "dreamgym environment", version },
  paths: Object.fromEntries(
    [...Map.groupBy(routes, ({ path }) => path)].map(([path, same]) => [
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
export const page = (version: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>dreamgym environment</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td{padding:.2rem 1rem .2rem 0;vertical-align:top}
pre{background:#f4f4f4;padding:1rem;overflow:auto}code{white-space:nowrap}</style></head><body>
<h1>dreamgym environment ${escaped(version)}</h1>
<p>The OpenEnv protocol, and AgentGym's routes. <a href="/web/">Play by hand</a>,
<a href="/openapi.json">openapi.json</a>.</p>
<table>${routes
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
