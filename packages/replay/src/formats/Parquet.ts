/**
 * Experience as Parquet, one row per transition (`TransitionRow`), as Hugging Face's `datasets` reads it; complete both ways.
 * Long trajectories cost no more memory than short ones while they are written, but are whole in memory when they are read.
 */
import type { Trajectory } from "@dreamgym/domain"
import type { SchemaElement } from "hyparquet"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { briefly, FormatError } from "./FormatError.ts"
import * as ParquetShards from "./ParquetShards.ts"
import * as ParquetTable from "./ParquetTable.ts"
import { kinds, rowsOf, trajectoryOf, TransitionRow } from "./TransitionRow.ts"

/**
 * Writes to `out` as `ParquetShards.write` does; the rows of a trajectory stay in one file. What JSON cannot hold fails as
 * `Unwritable`.
 */
export const write = <E, R>(
  out: string,
  trajectories: Stream.Stream<Trajectory.Trajectory, E, R>,
  limits?: ParquetShards.Limits
): Effect.Effect<ParquetShards.Written, E | FormatError, R | FileSystem.FileSystem> =>
  ParquetShards.write(
    out,
    table,
    Stream.mapEffect(trajectories, (one) => encoded(out, one)),
    limits
  )

/**
 * The trajectories of a file, or of all files of a folder by their names. A row that is no transition fails as `Malformed` with its
 * number and column, a file that ends within a trajectory as `Torn`, others as `ParquetTable.read` does.
 */
export const read = (path: string): Stream.Stream<Trajectory.Trajectory, FormatError> =>
  Stream.unwrap(
    Effect.map(ParquetTable.filesOf(path), (files) =>
      Stream.flatMap(Stream.fromIterable(files), readFile)
    )
  )

const types = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  integer: { type: "INT64" },
  number: { type: "DOUBLE" },
  flag: { type: "BOOLEAN" }
} as const

const dtypes = { text: "string", integer: "int64", number: "float64", flag: "bool" } as const

const columns = Object.keys(kinds)

const table: ParquetShards.Table = {
  columns,
  schema: [
    { name: "root", num_children: columns.length },
    ...Object.entries(kinds).map(([name, kind]): SchemaElement => ({
      name,
      repetition_type: "OPTIONAL",
      ...types[kind]
    }))
  ],
  features: Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [name, { dtype: dtypes[kind], _type: "Value" }])
  )
}

const encodeRow = Schema.encodeEffect(TransitionRow)
const decodeRow = Schema.decodeUnknownEffect(TransitionRow)

const encoded = (out: string, trajectory: Trajectory.Trajectory) =>
  Effect.mapError(
    Effect.forEach(rowsOf(trajectory), (row) => encodeRow(row)),
    (cause) =>
      new FormatError({
        reason: "Unwritable",
        file: out,
        message: `trajectory ${trajectory.id} cannot be written to ${out}: it holds what JSON does not know (${briefly(cause)})`,
        cause
      })
  )

const readFile = (file: string) =>
  ParquetTable.read(file, columns).pipe(
    Stream.mapEffect(decoded),
    Stream.concat(Stream.succeed<Decoded>({ file, number: 0, row: undefined })),
    Stream.mapAccumEffect(begin, gather)
  )

/** `row` is undefined behind the last one. */
interface Decoded {
  readonly file: string
  readonly number: number
  readonly row: TransitionRow | undefined
}

const decoded = ({ cells, file, number }: ParquetTable.Numbered) =>
  decodeRow(Object.fromEntries(columns.map((name) => [name, cells[name] ?? null]))).pipe(
    Effect.map((row): Decoded => ({ file, number, row })),
    Effect.mapError((cause) => {
      const [, column = ""] = /at \["(\w+)"\]/.exec(cause.message) ?? []
      return wrong(file, number, `${briefly(cause)}`, column)
    })
  )

const wrong = (file: string, row: number, what: string, column?: string) =>
  new FormatError({
    reason: "Malformed",
    file,
    line: row,
    ...(column === undefined ? {} : { column }),
    message: `${file}: row ${row}${column === undefined ? "" : `, column ${column}`} is no transition (${what}); correct it or take its trajectory out`
  })

/** The rows of the trajectory that is being read. */
type Gathering = Array<TransitionRow>

const begin = (): Gathering => []

type Gathered = readonly [Gathering, ReadonlyArray<Trajectory.Trajectory>]

/** Takes a row, and gives the trajectory that it completes. */
const gather = (
  rows: Gathering,
  { file, number, row }: Decoded
): Effect.Effect<Gathered, FormatError> => {
  const first = rows[0] ?? row
  if (first === undefined) return Effect.succeed([rows, []])
  if (row === undefined) return Effect.fail(cut(file, first))
  const isNext = (row.step ?? 0) === rows.length && first.id === row.id
  if (!isNext) return Effect.fail(wrong(file, number, outOfPlace(row, rows), "step"))
  rows.push(row)
  if (rows.length < row.steps) return Effect.succeed([rows, []])
  const trajectory = trajectoryOf(first, rows)
  return typeof trajectory === "string"
    ? Effect.fail(wrong(file, number, trajectory))
    : Effect.succeed([begin(), [trajectory]])
}

const outOfPlace = (row: TransitionRow, rows: ReadonlyArray<TransitionRow>): string =>
  `step ${row.step} of ${row.id} where step ${rows.length} of ${rows[0]?.id ?? "a trajectory"} should be`

const cut = (file: string, { id, steps }: TransitionRow) =>
  new FormatError({
    reason: "Torn",
    file,
    message: `${file} is torn: it ends within trajectory ${id}, which has ${steps} steps; write it again`
  })
