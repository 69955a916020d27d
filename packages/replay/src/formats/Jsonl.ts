/**
 * Our own format: one trajectory a line, complete, as strict JSON; gzipped where the name ends in `.gz`.
 * A number that JSON does not know (NaN, an infinity) is written as a word that comes back; only -0 comes back as 0.
 */
import { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { FormatError, malformed } from "./FormatError.ts"
import * as Lines from "./Lines.ts"
import * as TextFile from "./TextFile.ts"

/**
 * The trajectories of a file, in its order. A line that is none fails as `Malformed` with its number, a last line that was cut as
 * `Torn`; what came before it has been given.
 */
export const read = (file: string): Stream.Stream<Trajectory.Trajectory, FormatError> =>
  Lines.read(file).pipe(Stream.mapEffect((line) => trajectoryOf(file, line)))

/**
 * Writes all of `trajectories`, and says how many they were; a file of that name is replaced when all is safe. What JSON cannot hold
 * (in a payload, say) fails as `Unwritable`.
 */
export const write = <E, R>(
  file: string,
  trajectories: Stream.Stream<Trajectory.Trajectory, E, R>
): Effect.Effect<number, E | FormatError, R | FileSystem.FileSystem> =>
  TextFile.write(
    file,
    Stream.mapEffect(trajectories, (one) => lineOf(file, one))
  )

const codec = Schema.fromJsonString(Schema.toCodecJson(Trajectory.Trajectory))
const decode = Schema.decodeUnknownEffect(codec)
const encode = Schema.encodeEffect(codec)

const trajectoryOf = (file: string, { hasEnd, number, text }: Lines.Line) =>
  Effect.mapError(decode(text), (cause) =>
    hasEnd
      ? malformed(file, number, "line", cause)
      : new FormatError({
          reason: "Torn",
          file,
          line: number,
          message: `${file} is torn: it ends within line ${number}; take that line out, or write the file again`,
          cause
        })
  )

const lineOf = (file: string, trajectory: Trajectory.Trajectory) =>
  Effect.mapError(
    encode(trajectory),
    (cause) =>
      new FormatError({
        reason: "Unwritable",
        file,
        message: `trajectory ${trajectory.id} cannot be written to ${file}: it holds what JSON does not know (${cause.message.replaceAll(/\s+/g, " ")})`,
        cause
      })
  )
