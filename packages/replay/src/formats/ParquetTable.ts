/**
 * The rows of a table in Parquet files, a row group at a time.
 * It knows the columns by their names only; what they hold is for the formats.
 */
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type FileHandle, open, readdir } from "node:fs/promises"
import { briefly, FormatError, ofDisk } from "./FormatError.ts"

/** `number` counts the rows of its file from 1. */
export interface Numbered {
  readonly file: string
  readonly number: number
  readonly cells: Readonly<Record<string, unknown>>
}

/**
 * The rows of one file that has these columns and no others. Fails as `Missing`, `Io`, `Columns`, as `Unsupported` where it is
 * compressed by what nobody here reads, and as `Malformed` where it is damaged or no Parquet.
 */
export const read = (
  file: string,
  columns: ReadonlyArray<string>
): Stream.Stream<Numbered, FormatError> =>
  Stream.scoped(
    Stream.unwrap(
      Effect.gen(function* () {
        const buffer = yield* opened(file)
        const metadata = yield* attempt(file, () => parquetMetadataAsync(buffer, { parsers }))
        yield* agreeing(file, metadata, columns)
        return Stream.fromIterable(groupsOf(metadata)).pipe(
          Stream.mapEffect(({ from, to }) =>
            Effect.map(
              attempt(file, () =>
                parquetReadObjects({ file: buffer, metadata, parsers, rowStart: from, rowEnd: to })
              ),
              (rows) => rows.map((cells, i): Numbered => ({ file, number: from + i + 1, cells }))
            )
          ),
          Stream.flattenIterable
        )
      })
    )
  )

/**
 * `path` itself, or where it is a folder the Parquet files in it, by name. Fails as `Missing` where there is none, and as `Torn` where
 * one of a series `-00000-of-0000N` is.
 */
export const filesOf = Effect.fn("ParquetTable.filesOf")(function* (path: string) {
  if (path.endsWith(".parquet")) return [path]
  const names = yield* Effect.tryPromise({
    try: () => readdir(path),
    catch: (cause) => ofDisk(path, cause)
  })
  const files = names.filter((name) => name.endsWith(".parquet")).toSorted()
  const lost = files.flatMap((name) => seriesOf(name)).find((name) => !files.includes(name))
  if (lost !== undefined) {
    return yield* new FormatError({
      reason: "Torn",
      file: path,
      message: `${path}: ${lost} is missing of its series; write it again, or name the files one by one`
    })
  }
  if (files.length === 0) {
    return yield* new FormatError({
      reason: "Missing",
      file: path,
      message: `${path} holds no Parquet file; check the path`
    })
  }
  return files.map((name) => `${path}/${name}`)
})

/** All names of the series that a name belongs to. */
const seriesOf = (name: string): ReadonlyArray<string> => {
  const [, stem = "", count] = /^(.*)-\d{5}-of-(\d{5})\.parquet$/.exec(name) ?? []
  return Array.from(
    { length: Number(count ?? 0) },
    (_, i) => `${stem}-${String(i).padStart(5, "0")}-of-${count}.parquet`
  )
}

/** A mark of byte order within a cell is part of its text, and what is no UTF-8 is an error, no replacement character. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const parsers = {
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && utf8.decode(bytes)
}

const opened = Effect.fnUntraced(function* (file: string) {
  const handle = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => open(file), catch: (cause) => ofDisk(file, cause) }),
    (it) => Effect.promise(() => it.close())
  )
  const { size } = yield* Effect.tryPromise({
    try: () => handle.stat(),
    catch: (cause) => ofDisk(file, cause)
  })
  return {
    byteLength: size,
    slice: (from: number, to = size) => piece(handle, from, to)
  }
})

const piece = (handle: FileHandle, from: number, to: number): Promise<ArrayBuffer> => {
  const bytes = new Uint8Array(to - from)
  return handle.read(bytes, 0, bytes.length, from).then(() => bytes.buffer)
}

const attempt = <A>(file: string, run: () => Promise<A>): Effect.Effect<A, FormatError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      /unsupported compression/.test(String(cause))
        ? new FormatError({
            reason: "Unsupported",
            file,
            message: `${file}: ${briefly(cause)}; write it with Snappy, or without compression`,
            cause
          })
        : new FormatError({
            reason: "Malformed",
            file,
            message: `${file} is damaged, or no Parquet (${briefly(cause)}); write it again`,
            cause
          })
  })

const groupsOf = ({ row_groups }: FileMetaData) => {
  let from = 0
  return row_groups.map(({ num_rows }) => {
    const group = { from, to: from + Number(num_rows) }
    from = group.to
    return group
  })
}

const agreeing = (file: string, { schema }: FileMetaData, columns: ReadonlyArray<string>) => {
  const there = childrenOf(schema)
  const missing = columns.filter((name) => !there.includes(name))
  const foreign = there.filter((name) => !columns.includes(name))
  if (missing.length === 0 && foreign.length === 0) return Effect.void
  const told = [
    ...(missing.length > 0 ? [`it lacks ${missing.join(", ")}`] : []),
    ...(foreign.length > 0 ? [`it has ${foreign.join(", ")} besides`] : [])
  ]
  return Effect.fail(
    new FormatError({
      reason: "Columns",
      file,
      column: [...missing, ...foreign][0] ?? "",
      message: `${file} is no table of transitions: ${told.join(" and ")}; export it by \`dreamgym replay export --format parquet\``
    })
  )
}

/** The names right below the root; the elements below each of them are passed over. */
const childrenOf = (schema: FileMetaData["schema"]): ReadonlyArray<string> => {
  const names: Array<string> = []
  let below = 0
  for (const { name, num_children: children = 0 } of schema.slice(1)) {
    if (below === 0) names.push(name)
    else below--
    below += children
  }
  return names
}
