/**
 * Recordings of the original ALFWorld as experience: JSON lines, one rollout a line, plain or gzipped.
 * Whether our engine agrees with them is asked by `dreamgym env replay`, not here.
 */
import { Ending, Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type FormatError, malformed } from "./FormatError.ts"
import * as Lines from "./Lines.ts"

/**
 * A trajectory per rollout; lines that only name a game's entities are passed over. It ends where the game is won, else as
 * truncated. The acting policy is `recorded-` and the name of the rollout (walkthrough, random, ...). Fails as `Malformed` with the
 * number of the line, and as `Lines.read` does.
 */
export const read = (file: string): Stream.Stream<Trajectory.Trajectory, FormatError> =>
  Lines.read(file).pipe(
    Stream.mapEffect(({ number, text }) =>
      Effect.mapError(decode(text), (cause) => malformed(file, number, "line", cause))
    ),
    Stream.map((line) => ("entities" in line ? [] : [trajectoryOf(line)])),
    Stream.flattenIterable
  )

const Recorded = Schema.Struct({
  game: Schema.String,
  task_type: Schema.String,
  rollout: Schema.String,
  reset: Schema.Struct({ observation: Schema.String }),
  steps: Schema.Array(
    Schema.Struct({ command: Schema.String, observation: Schema.String, won: Schema.Boolean })
  )
})
type Recorded = typeof Recorded.Type

const Names = Schema.Struct({
  game: Schema.String,
  entities: Schema.Record(Schema.String, Schema.Unknown)
})

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Union([Names, Recorded])))

const trajectoryOf = (recorded: Recorded): Trajectory.Trajectory => {
  const task = taskOf(recorded)
  const won = recorded.steps.findIndex((step) => step.won)
  const steps = won < 0 ? recorded.steps : recorded.steps.slice(0, won + 1)
  return {
    id: `${task.id}/${recorded.rollout}`,
    task,
    firstObservation: recorded.reset.observation,
    transitions: steps.map((step, i) => ({
      observation: steps[i - 1]?.observation ?? recorded.reset.observation,
      action: { text: step.command },
      reward: step.won ? 1 : 0,
      nextObservation: step.observation,
      provenance: { _tag: "Real", environment: "alfworld", version: "json_2.1.1" }
    })),
    ending: won < 0 ? Ending.truncated("StepLimit") : Ending.terminated(true),
    policy: `recorded-${recorded.rollout}`,
    policyVersion: -1
  }
}

/** As the environment itself names its tasks; the recordings call the folder `train` by another name. */
const taskOf = ({ game: recorded, reset, task_type: type }: Recorded): Task.Task => {
  const game = recorded.replace(/^valid_train\//, "train/")
  return {
    id: `alfworld/${game}`,
    environment: "alfworld",
    instruction: /Your task is to: ([^.\n]+)/.exec(reset.observation)?.[1] ?? "",
    seed: 0,
    payload: { game, type },
    origin: Task.original
  }
}
