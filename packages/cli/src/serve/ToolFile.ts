/**
 * A file of function schemas, as models are given them, in the form of MCP's tools.
 * It calls none of them.
 */
import { Environment } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"

const Functions = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      function: Schema.Struct({
        name: Schema.String,
        description: Schema.String,
        parameters: Schema.Record(Schema.String, Schema.Json)
      })
    })
  )
)

/** The tool by which an agent of tau-bench speaks to the customer. */
const respond = {
  name: "respond",
  description: "Say something to the customer",
  inputSchema: {
    type: "object",
    properties: { content: { type: "string" } },
    required: ["content"]
  }
} as const

/** The tools of tau-bench's file, and the one to speak by. */
export const read = Effect.fn("ToolFile.read")(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const functions = yield* fileSystem.readFileString(file).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Functions)),
    Effect.mapError(
      (cause) =>
        new Environment.EnvironmentError({
          reason: "BadData",
          environment: "tau-bench",
          message: `${file}: it is no list of function schemas; take it from tau-bench's data again`,
          cause
        })
    )
  )
  const tools = functions.map(({ function: { description, name, parameters } }) => ({
    name,
    description,
    inputSchema: parameters
  }))
  return [...tools, respond]
})
