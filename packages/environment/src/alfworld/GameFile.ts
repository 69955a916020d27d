/**
 * A `game.tw-pddl` file: the domain, the problem and the grammar of one ALFWorld game, as JSON.
 * It is read and checked here; it is played in `Game`.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** The fields of the file, by the names they have there. `walkthrough` is a solution, where the file has one. */
export const GameFile = Schema.Struct({
  pddl_domain: Schema.String,
  grammar: Schema.String,
  pddl_problem: Schema.String,
  solvable: Schema.optionalKey(Schema.Boolean),
  walkthrough: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))
})
export type GameFile = typeof GameFile.Type

const remedies = {
  missing: "check the path, or set ALFWORLD_DATA to the folder that holds json_2.1.1",
  unreadable: "check the permissions of the file",
  truncated: "the JSON is incomplete or damaged; fetch the file again",
  field:
    "the file is not a game of ALFWorld 2.1.x; fetch json_2.1.3_tw-pddl.zip of alfworld/alfworld",
  pddl: "the PDDL of this field cannot be played; compare it with the file of the release",
  grammar: "the text grammar of this field cannot be used; compare it with the file of the release"
} as const

/** Why a game cannot be played: `field` is empty where the whole file is at fault. */
export class GameFileError extends Schema.TaggedError<GameFileError>()("GameFileError", {
  reason: Schema.Literals(["missing", "unreadable", "truncated", "field", "pddl", "grammar"]),
  file: Schema.String,
  field: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    const place = this.field === "" ? this.file : `${this.file}, field ${this.field}`
    return `${place}: ${this.detail}; ${remedies[this.reason]}`
  }
}

const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))
const decodeFields = Schema.decodeUnknownResult(GameFile)

/** The largest game of the release has 134,000. */
const longest = 1 << 22

/** Reads the text of a file; `file` is only its name in errors. */
export const parse = (text: string, file: string): Result.Result<GameFile, GameFileError> => {
  if (text.length > longest) {
    const detail = `${text.length} characters, more than the ${longest} that any game may have`
    return Result.fail(new GameFileError({ reason: "field", file, field: "", detail }))
  }
  const json = decodeJson(text)
  if (Result.isFailure(json)) {
    const detail = `${text.length} characters that are no complete JSON`
    return Result.fail(new GameFileError({ reason: "truncated", file, field: "", detail }))
  }
  return Result.mapError(decodeFields(json.success), (issue) => {
    const detail = issue.message.split("\n")[0] ?? issue.message
    const field = Object.keys(GameFile.fields).find((name) => issue.message.includes(`"${name}"`))
    return new GameFileError({ reason: "field", file, field: field ?? "", detail })
  })
}

/** Reads a file from disk. */
export const load = Effect.fn("GameFile.load")(function* (file: string) {
  const files = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(files.readFileString(file), (cause) => {
    const reason = cause.reason._tag === "NotFound" ? "missing" : "unreadable"
    return new GameFileError({ reason, file, field: "", detail: `the file is ${reason}` })
  })
  return yield* Effect.fromResult(parse(text, file))
})
