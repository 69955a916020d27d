/**
 * How people put the goal of a game in words: the annotations in the `traj_data.json` beside a game.
 * The game decides as ever; only the sentence differs, and it may name things otherwise than the game does.
 */
import { Environment } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"

const Trajectory = Schema.Struct({
  turk_annotations: Schema.Struct({
    anns: Schema.Array(Schema.Struct({ task_desc: Schema.String }))
  })
})

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Trajectory))

/** The descriptions of a trial's folder, at least one, without the blanks around them and the final full stop. */
export const load = Effect.fn("HumanGoals.load")(function* (folder: string) {
  const files = yield* FileSystem.FileSystem
  const file = `${folder}/traj_data.json`
  const text = yield* Effect.mapError(files.readFileString(file), (cause) =>
    badData(`${file}: the file cannot be read; human goals are in json_2.1.1_json.zip`, cause)
  )
  const { turk_annotations } = yield* Effect.mapError(decode(text), (cause) =>
    badData(`${file}: field turk_annotations.anns[].task_desc is not as in the release`, cause)
  )
  const goals = turk_annotations.anns.map(({ task_desc }) => tidy(task_desc))
  const said = goals.filter((goal) => goal !== "")
  return said.length > 0 ? said : yield* badData(`${file}: nobody described the task`)
})

const tidy = (goal: string): string =>
  goal
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/[.\s]+$/, "")

const badData = (message: string, cause?: unknown) =>
  new Environment.EnvironmentError({
    reason: "BadData",
    environment: "alfworld",
    message,
    ...(cause === undefined ? {} : { cause })
  })
