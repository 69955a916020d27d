/**
 * Why experience could not be read from a file of others, or written to one, with the place and the remedy.
 * It says nothing of the buffer that the experience comes from or goes to.
 */
import * as Schema from "effect/Schema"

/**
 * `Missing`: there is no such file. `Io`: the disk or its permissions. `Torn`: the file ends too early. `Malformed`: a line or row
 * is no trajectory. `Columns`: a table has other columns. `Unsupported`: nobody here reads or writes this kind of file. `Unwritable`:
 * a trajectory holds what the format cannot. `Exists`: something is there that would be mixed with what is written.
 * `line` is a line of text or a row of a table, from 1; `column` names a column of a table. `message` names them all.
 */
export class FormatError extends Schema.TaggedError<FormatError>()("FormatError", {
  reason: Schema.Literals([
    "Missing",
    "Io",
    "Torn",
    "Malformed",
    "Columns",
    "Unsupported",
    "Unwritable",
    "Exists"
  ]),
  file: Schema.String,
  line: Schema.optionalKey(Schema.Int),
  column: Schema.optionalKey(Schema.String),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** A failure of the disk, of node:fs or of Effect's file system. */
export const ofDisk = (file: string, cause: unknown): FormatError => {
  const said = cause instanceof Error ? cause.message : String(cause)
  const isMissing = /ENOENT|NotFound/.test(said)
  return new FormatError({
    reason: isMissing ? "Missing" : "Io",
    file,
    message: isMissing
      ? `${file}: there is no such file; check the path`
      : `${file}: ${said}; see that it may be read or written and that the disk has room`,
    cause
  })
}

/** `what` is short enough for one line, however much a parser has said. */
export const malformed = (file: string, line: number, unit: "line" | "row", cause: unknown) =>
  new FormatError({
    reason: "Malformed",
    file,
    line,
    message: `${file}: ${unit} ${line} is no trajectory (${briefly(cause)}); correct it or take it out`,
    cause
  })

/** The first words of what a parser or a codec said. */
export const briefly = (cause: unknown): string => {
  const said = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ")
  return said.length > mostSaid ? `${said.slice(0, mostSaid)}...` : said
}

const mostSaid = 200
