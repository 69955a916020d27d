/**
 * Recordings of the original ALFWorld, and their replay on this engine: every text, list and flag is compared.
 * It judges the engine, never a policy.
 *
 * A recording is gzipped JSON lines; one line is a rollout, or the names of a game's entities.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { gunzipSync } from "node:zlib"
import * as Game from "./Game.ts"
import * as GameFile from "./GameFile.ts"

const shown = {
  observation: Schema.String,
  won: Schema.Boolean,
  admissible: Schema.Array(Schema.String)
}

/** What the original answered to a command. `score` is 1 and `done` true exactly when the game is won. */
export const RecordedStep = Schema.Struct({
  command: Schema.String,
  ...shown,
  score: Schema.Finite,
  done: Schema.Boolean
})

/** One rollout of the original; `game` is `SPLIT/TASK/TRIAL`, `rollout` says who played. */
export const RecordedRollout = Schema.Struct({
  game: Schema.String,
  task_type: Schema.String,
  rollout: Schema.String,
  reset: Schema.Struct(shown),
  steps: Schema.Array(RecordedStep)
})

/** The original's display name and type of every entity of a game, by raw id. */
export const RecordedEntities = Schema.Struct({
  game: Schema.String,
  rollout: Schema.Literal("entities"),
  entities: Schema.Record(Schema.String, Schema.Tuple([Schema.String, Schema.String]))
})

export const RecordedLine = Schema.Union([RecordedEntities, RecordedRollout])
export type RecordedLine = typeof RecordedLine.Type
export type Recording = ReadonlyArray<RecordedLine>

/** The first thing in which this engine differs. `step` counts from 1; 0 is the opening. */
export interface Difference {
  readonly step: number
  readonly command: string
  readonly what: string
  readonly expected: string
  readonly actual: string
}

/** What became of one recorded line; it passed when there is no `difference`. */
export interface Verdict {
  readonly game: string
  readonly rollout: string
  readonly steps: number
  readonly difference?: Difference
}

export interface Report {
  readonly verdicts: ReadonlyArray<Verdict>
  readonly passed: number
  readonly failed: number
  readonly steps: number
}

/** The recording cannot be read; `line` counts from 1, 0 is the whole file. */
export class RecordingError extends Schema.TaggedError<RecordingError>()("RecordingError", {
  reason: Schema.Literals(["unreadable", "damaged", "field"]),
  file: Schema.String,
  line: Schema.Int,
  detail: Schema.String
}) {
  override get message(): string {
    const place = this.line === 0 ? this.file : `${this.file}, line ${this.line}`
    return `${place}: ${this.detail}; fetch the recording again`
  }
}

/** Reads a recording, gzipped or plain. */
export const read = Effect.fn("Recording.read")(function* (file: string) {
  const files = yield* FileSystem.FileSystem
  const bytes = yield* Effect.mapError(
    files.readFile(file),
    (cause) => new RecordingError({ reason: "unreadable", file, line: 0, detail: cause.message })
  )
  const isZipped = bytes[0] === 0x1f && bytes[1] === 0x8b
  const text = yield* Effect.try({
    try: () => new TextDecoder().decode(isZipped ? gunzipSync(bytes) : bytes),
    catch: () =>
      new RecordingError({ reason: "damaged", file, line: 0, detail: "the gzip is damaged" })
  })
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  return yield* Effect.forEach(lines, (line, index) => decodeLine(line, file, index + 1))
})

/** Replays a recording on the games below `dataFolder/json_2.1.1`. A game that cannot be read is an error, no difference. */
export const replay = Effect.fn("Recording.replay")(function* (
  recording: Recording,
  dataFolder: string
) {
  const games = new Map<string, Game.Game>()
  const verdicts = yield* Effect.forEach(
    recording,
    Effect.fnUntraced(function* (line) {
      const game = games.get(line.game) ?? (yield* loadGame(dataFolder, line.game))
      games.set(line.game, game)
      return judge(line, game)
    })
  )
  return reportOf(verdicts)
})

/** Compares one recorded line with the game on this engine. */
export const judge = (line: RecordedLine, game: Game.Game): Verdict => {
  const difference = "entities" in line ? differentName(line, game) : differentStep(line, game)
  return {
    game: line.game,
    rollout: line.rollout,
    steps: "entities" in line ? 0 : line.steps.length,
    ...(difference === undefined ? {} : { difference })
  }
}

const reportOf = (verdicts: ReadonlyArray<Verdict>): Report => {
  const failed = verdicts.filter(({ difference }) => difference !== undefined).length
  return {
    verdicts,
    passed: verdicts.length - failed,
    failed,
    steps: verdicts.reduce((sum, { steps }) => sum + steps, 0)
  }
}

const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(RecordedLine))

const decodeLine = (line: string, file: string, number: number) =>
  Effect.fromResult(
    Result.mapError(decodeJson(line), (issue) => {
      const detail = issue.message.split("\n")[0] ?? "not a recorded rollout"
      return new RecordingError({ reason: "field", file, line: number, detail })
    })
  )

/** The original's recordings call the folder `train` by the name of its split there. */
const loadGame = Effect.fnUntraced(function* (dataFolder: string, game: string) {
  const folder = game.replace(/^valid_train\//, "train/")
  const file = `${dataFolder}/json_2.1.1/${folder}/game.tw-pddl`
  return yield* Effect.fromResult(Game.load(yield* GameFile.load(file), file))
})

const differentName = (
  { entities }: typeof RecordedEntities.Type,
  game: Game.Game
): Difference | undefined => {
  for (const [id, recorded] of Object.entries(entities)) {
    const expected = recorded.join(", ")
    const actual = Game.entityOf(game, id)?.join(", ") ?? "no such entity"
    if (expected !== actual) return { step: 0, command: "", what: id, expected, actual }
  }
  return undefined
}

type Shown = (typeof RecordedRollout.Type)["reset"] & {
  readonly score?: number
  readonly done?: boolean
}

const differentStep = (
  { reset, steps }: typeof RecordedRollout.Type,
  game: Game.Game
): Difference | undefined => {
  let state = Game.start(game)
  const opening = compare(reset, state)
  if (opening !== undefined) return { step: 0, command: "", ...opening }
  for (const [index, step] of steps.entries()) {
    state = Game.step(state, step.command)
    const found = compare(step, state)
    if (found !== undefined) return { step: index + 1, command: step.command, ...found }
  }
  return undefined
}

const compare = (expected: Shown, { observation, won, admissible }: Game.GameState) => {
  const actual: Shown = { observation, won, admissible, score: won ? 1 : 0, done: won }
  const fields = ["observation", "won", "score", "done"] as const
  const field = fields.find(
    (name) => expected[name] !== undefined && expected[name] !== actual[name]
  )
  if (field !== undefined) {
    return { what: field, expected: String(expected[field]), actual: String(actual[field]) }
  }
  const before = expected.admissible.join("\n")
  const after = admissible.join("\n")
  return before === after ? undefined : { what: "admissible", expected: before, actual: after }
}
