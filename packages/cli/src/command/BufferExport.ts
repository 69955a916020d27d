/** `dreamgym replay export`: a buffer's trajectories as files, for ourselves or for other trainers. */
import { ReplayBuffer } from "@dreamgym/domain"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Formats from "@dreamgym/replay/formats/Formats"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Output from "../Output.ts"
import * as Progress from "./BufferProgress.ts"
import * as Target from "./BufferTarget.ts"
import { directory } from "./Resume.ts"

export const exportBuffer = Command.make(
  "export",
  {
    buffer: Target.buffer,
    directory,
    format: Flag.Literals("format", Formats.writable).pipe(
      Flag.withDescription(
        "jsonl and parquet are complete; messages are conversations (TRL), verl is tasks (verl)"
      ),
      Flag.withDefault("jsonl")
    ),
    out: Flag.String("out").pipe(
      Flag.withAlias("o"),
      Flag.withMetavar("FILE|DIR"),
      Flag.withDescription(
        "Where to: a file (.gz is gzipped); for parquet and verl also a folder of several files"
      )
    ),
    ...Target.filterFlags,
    ...Target.outcomeFlags
  },
  Effect.fn("BufferExport.run")(function* (given) {
    const { resolve } = yield* Path.Path
    const file = yield* Target.locate(given.buffer, given.directory)
    const { files, leftOut, unit, written } = yield* ReplayBuffer.ReplayBuffer.use((buffer) =>
      Formats.write(
        given.format,
        resolve(given.out),
        Progress.counting(
          buffer.trajectories(Target.trajectoryFilterOf(given)),
          "trajectories read"
        )
      )
    ).pipe(Effect.provide(Target.reading(file)))
    const { amount } = ReportText
    const left = leftOut === 0 ? "" : `; ${amount(leftOut)} that nobody should imitate are left out`
    yield* Output.answer({ format: given.format, unit, written, leftOut, files }, [
      ...files,
      `${amount(written)} ${unit} in ${amount(files.length)} ${files.length === 1 ? "file" : "files"}${left}`
    ])
  })
).pipe(
  Command.withDescription("Write trajectories as files: JSON lines, Parquet, for TRL, for verl"),
  Command.withExamples([
    {
      command: "dreamgym replay export household-1 --out household.jsonl.gz",
      description: "Everything, to import it elsewhere"
    },
    {
      command: "dreamgym replay export household-1 --format parquet --out ./dataset",
      description: "A folder that `datasets.load_dataset` reads"
    },
    {
      command:
        "dreamgym replay export household-1 --format messages --outcome success --out sft.jsonl",
      description: "Conversations that solved their task, for TRL's SFTTrainer"
    }
  ])
)
