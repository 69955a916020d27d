/**
 * The tasks of experience as verl's trainers read them: Parquet with `data_source`, `prompt`, `ability`, `reward_model`, `extra_info`.
 * verl makes its own rollouts, so what agents did is not in it: one row per task and beginning, however often it was tried.
 *
 * data_source: the environment's name, by which verl finds the reward function. prompt: the instruction as `system`, the first
 * observation as `user`. ability: "agent". reward_model: {style: "rule", ground_truth: the task as JSON, which is enough to start
 * its episode again}. extra_info: {split: "train", index: the row's number from 0, task_id}.
 */
import { Task, type Trajectory } from "@dreamgym/domain"
import type { SchemaElement } from "hyparquet"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import { briefly, FormatError } from "./FormatError.ts"
import * as ParquetShards from "./ParquetShards.ts"

/** Writes to `out` as `ParquetShards.write` does. A task that JSON cannot hold fails as `Unwritable`. */
export const write = <E, R>(
  out: string,
  trajectories: Stream.Stream<Trajectory.Trajectory, E, R>,
  limits?: ParquetShards.Limits
): Effect.Effect<ParquetShards.Written, E | FormatError, R | FileSystem.FileSystem> =>
  Effect.suspend(() => {
    const seen = new Set<string>()
    const isNew = (trajectory: Trajectory.Trajectory): boolean => {
      const before = seen.size
      return seen.add(beginningOf(trajectory)).size > before
    }
    const rows = trajectories.pipe(
      Stream.filter(isNew),
      Stream.zipWithIndex,
      Stream.mapEffect(([trajectory, index]) => rowOf(out, trajectory, index)),
      Stream.map((row) => [row])
    )
    return ParquetShards.write(out, table, rows, limits)
  })

const encodeTask = Schema.encodeEffect(Schema.fromJsonString(Schema.toCodecJson(Task.Task)))

const rowOf = (
  out: string,
  { firstObservation, task }: Trajectory.Trajectory,
  index: number
): Effect.Effect<ParquetShards.Row, FormatError> =>
  encodeTask(task).pipe(
    Effect.map((ground_truth) => ({
      data_source: task.environment.toWellFormed(),
      prompt: [
        { role: "system", content: task.instruction.toWellFormed() },
        { role: "user", content: firstObservation.toWellFormed() }
      ],
      ability: "agent",
      reward_model: { style: "rule", ground_truth },
      extra_info: { split: "train", index: BigInt(index), task_id: task.id.toWellFormed() }
    })),
    Effect.mapError(
      (cause) =>
        new FormatError({
          reason: "Unwritable",
          file: out,
          message: `task ${task.id} cannot be written to ${out}: it holds what JSON does not know (${briefly(cause)})`,
          cause
        })
    )
  )

const beginningOf = ({ firstObservation, task }: Trajectory.Trajectory): string =>
  createHash("sha256")
    .update(JSON.stringify([task.environment, task.id, task.instruction, firstObservation]))
    .digest("base64")

const text = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  repetition_type: "OPTIONAL"
})

const group = (name: string, ...children: ReadonlyArray<SchemaElement>) => [
  { name, num_children: children.length, repetition_type: "OPTIONAL" as const },
  ...children
]

const words = { dtype: "string", _type: "Value" }

const table: ParquetShards.Table = {
  columns: ["data_source", "prompt", "ability", "reward_model", "extra_info"],
  schema: [
    { name: "root", num_children: 5 },
    text("data_source"),
    { name: "prompt", num_children: 1, converted_type: "LIST", repetition_type: "OPTIONAL" },
    { name: "list", num_children: 1, repetition_type: "REPEATED" },
    ...group("element", text("role"), text("content")),
    text("ability"),
    ...group("reward_model", text("style"), text("ground_truth")),
    ...group(
      "extra_info",
      text("split"),
      { name: "index", type: "INT64", repetition_type: "OPTIONAL" },
      text("task_id")
    )
  ],
  features: {
    data_source: words,
    prompt: [{ role: words, content: words }],
    ability: words,
    reward_model: { style: words, ground_truth: words },
    extra_info: { split: words, index: { dtype: "int64", _type: "Value" }, task_id: words }
  }
}
