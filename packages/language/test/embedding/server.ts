/**
 * A server on this machine that answers `/v1/embeddings` as it is told to, and remembers what it was asked.
 */
import { Effect, Schema } from "effect"
import * as http from "node:http"

export interface Asked {
  readonly url: string
  readonly authorization: string | undefined
  readonly body: {
    readonly model: string
    readonly input: ReadonlyArray<string>
    readonly dimensions?: number
    readonly encoding_format: string
  }
  readonly at: number
}

export interface Reply {
  readonly status?: number
  readonly headers?: http.OutgoingHttpHeaders
  readonly body?: string
  /** Milliseconds before it is said. */
  readonly after?: number
  /** What becomes of the answer: nothing comes, or half of it and no more, or half of it and an end. */
  readonly fault?: "hangs" | "stops" | "breaks"
}

/** The vector of a text: [length, vowels, first code, 1]. */
export const vectorOf = (text: string): Array<number> => [
  text.length,
  text.replaceAll(/[^aeiou]/g, "").length,
  text.charCodeAt(0) || 0,
  1
]

export const answerOf = (input: ReadonlyArray<string>): Reply => ({
  body: JSON.stringify({
    object: "list",
    data: input.map((text, index) => ({ object: "embedding", index, embedding: vectorOf(text) })),
    model: "m",
    usage: { prompt_tokens: 1, total_tokens: 1 }
  })
})

const Body = Schema.fromJsonString(
  Schema.Struct({
    model: Schema.String,
    input: Schema.Array(Schema.String),
    dimensions: Schema.optionalKey(Schema.Int),
    encoding_format: Schema.String
  })
)

const send = (response: http.ServerResponse, reply: Reply) => {
  const { body = "", fault, headers = {}, status = 200 } = reply
  if (fault === "hangs") return
  const type = { "content-type": "application/json" }
  if (fault === undefined) {
    response.writeHead(status, { ...type, ...headers }).end(body)
    return
  }
  response.writeHead(status, { ...type, "content-length": body.length, ...headers })
  response.write(body.slice(0, body.length / 2), () => {
    if (fault === "breaks") response.destroy()
  })
}

/** A server that goes with the scope: its address, what it was asked, and how many questions were open at most. */
export const serverOf = Effect.fnUntraced(function* (
  reply: (asked: Asked, count: number) => Reply = ({ body }) => answerOf(body.input)
) {
  const asked: Array<Asked> = []
  const open = { now: 0, most: 0, closed: 0 }
  const server = http.createServer((request, response) => {
    const parts: Array<Uint8Array> = []
    open.now += 1
    open.most = Math.max(open.most, open.now)
    response.on("close", () => {
      open.now -= 1
      if (!response.writableFinished) open.closed += 1
    })
    request.on("data", (part: Uint8Array) => parts.push(part))
    request.on("end", () => {
      const question: Asked = {
        url: request.url ?? "",
        authorization: request.headers.authorization,
        body: Schema.decodeUnknownSync(Body)(Buffer.concat(parts).toString()),
        at: performance.now()
      }
      asked.push(question)
      const said = reply(question, asked.length)
      setTimeout(() => send(response, said), said.after ?? 0)
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { baseUrl: `http://127.0.0.1:${port}/v1`, port, asked, open }
})
