/**
 * A server on this machine that answers `/v1/chat/completions` as it is told to, and remembers what it was asked.
 */
import { Schema } from "effect"
import * as http from "node:http"

const Question = Schema.fromJsonString(
  Schema.Struct({
    model: Schema.String,
    messages: Schema.Array(Schema.Struct({ role: Schema.String, content: Schema.String })),
    seed: Schema.Int
  })
)

export interface Asked {
  readonly url: string | undefined
  readonly authorization: string | undefined
  readonly question: typeof Question.Type
}

/** A status with headers and a body, a line of the model, or nothing ever. */
export type Reply =
  | string
  | "hang"
  | {
      readonly status?: number
      readonly headers?: http.OutgoingHttpHeaders
      readonly body?: string
    }

const completionOf = (content: string) =>
  JSON.stringify({ choices: [{ message: { role: "assistant", content } }] })

const send = (response: http.ServerResponse, reply: Reply) => {
  if (reply === "hang") return
  const said = typeof reply === "string" ? { body: completionOf(reply) } : reply
  response.writeHead(said.status ?? 200, said.headers ?? {}).end(said.body ?? "")
}

/** Answers in order, the last one for ever. Close it. */
export const serve = async (replies: ReadonlyArray<Reply>) => {
  const asked: Array<Asked> = []
  const server = http.createServer((request, response) => {
    const parts: Array<Uint8Array> = []
    request.on("data", (part: Uint8Array) => parts.push(part))
    request.on("end", () => {
      const { url, headers } = request
      const question = Schema.decodeUnknownSync(Question)(Buffer.concat(parts).toString())
      asked.push({ url, authorization: headers.authorization, question })
      send(response, replies[Math.min(asked.length, replies.length) - 1] ?? "hang")
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}/v1`, asked, close }
}
