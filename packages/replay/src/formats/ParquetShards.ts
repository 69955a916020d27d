/**
 * Writes tables as Parquet (Snappy), a row group at a time, in as many files as their size asks for.
 * What the columns mean is for the formats.
 */
import type { SchemaElement } from "hyparquet"
import { ByteWriter, ParquetWriter } from "hyparquet-writer"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { FormatError, ofDisk } from "./FormatError.ts"
import * as WholeFile from "./WholeFile.ts"

export type Row = Readonly<Record<string, unknown>>

/**
 * `schema` begins with the root; `columns` are those below it. `features` says the same in the words of Hugging Face's `datasets`,
 * which read them in the file's metadata under `huggingface`.
 */
export interface Table {
  readonly schema: ReadonlyArray<SchemaElement>
  readonly columns: ReadonlyArray<string>
  readonly features: Schema.Json
}

/** When a file ends and the next begins: after so many rows or bytes. Rows that come together stay together. */
export interface Limits {
  readonly rows: number
  readonly bytes: number
}

export const limits: Limits = { rows: 250_000, bytes: 256 * 2 ** 20 }

/** The files, in their order, and the rows in all of them. */
export interface Written {
  readonly files: ReadonlyArray<string>
  readonly rows: number
}

/**
 * Writes to `out`: the file of that name where it ends in `.parquet`, else `out/train-00000-of-0000N.parquet` and on. They are there
 * when all of them are safe. Fails as `Exists` where files of this kind lie in the folder already, and as `Io`.
 */
export const write = <E, R>(
  out: string,
  table: Table,
  together: Stream.Stream<ReadonlyArray<Row>, E, R>,
  bounds: Limits = limits
): Effect.Effect<Written, E | FormatError, R | FileSystem.FileSystem> =>
  Effect.scoped(
    Effect.gen(function* () {
      const isOne = out.endsWith(".parquet")
      if (!isOne) yield* refuseMixing(out)
      const shards: Array<Shard> = []
      const begin = Effect.gen(function* () {
        const path = isOne ? out : `${out}/train-${digits(shards.length)}.parquet`
        const shard = yield* beginShard(path, table)
        shards.push(shard)
        return shard
      })
      let shard = yield* begin
      yield* Stream.runForEach(together, (rows) =>
        Effect.gen(function* () {
          if (!isOne && isFull(shard, bounds)) {
            yield* finish(shard)
            shard = yield* begin
          }
          yield* put(shard, rows)
        })
      )
      yield* finish(shard)
      return yield* keep(out, isOne, shards)
    })
  )

const keep = Effect.fnUntraced(function* (
  out: string,
  isOne: boolean,
  shards: ReadonlyArray<Shard>
) {
  const files = shards.map((_, i) =>
    isOne ? out : `${out}/train-${digits(i)}-of-${digits(shards.length)}.parquet`
  )
  yield* Effect.forEach(shards, ({ coming }, i) => coming.keep(files[i] ?? out))
  return { files, rows: shards.reduce((sum, { rows }) => sum + rows, 0) }
})

const digits = (count: number): string => String(count).padStart(5, "0")

const refuseMixing = Effect.fnUntraced(function* (folder: string) {
  const files = yield* FileSystem.FileSystem
  const names = yield* files.readDirectory(folder).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound",
      () => Effect.succeed([])
    ),
    Effect.mapError((cause) => ofDisk(folder, cause))
  )
  const there = names.find((name) => /^train-.*\.parquet$/.test(name))
  if (there === undefined) return
  return yield* new FormatError({
    reason: "Exists",
    file: folder,
    message: `${folder} holds ${there}; what is written would be mixed with it: name another folder, or take that away`
  })
})

interface Shard {
  readonly path: string
  readonly table: Table
  readonly coming: WholeFile.Coming
  readonly bytes: ByteWriter
  readonly parquet: ParquetWriter
  pending: Array<Row>
  weight: number
  rows: number
}

const beginShard = Effect.fnUntraced(function* (
  path: string,
  table: Table
): Effect.fn.Return<Shard, FormatError, FileSystem.FileSystem | Scope.Scope> {
  const coming = yield* WholeFile.begin(path)
  const bytes = new ByteWriter()
  const parquet = new ParquetWriter({
    writer: bytes,
    schema: [...table.schema],
    createdBy: "dreamgym",
    kvMetadata: [
      { key: "huggingface", value: JSON.stringify({ info: { features: table.features } }) }
    ]
  })
  return { path, table, coming, bytes, parquet, pending: [], weight: 0, rows: 0 }
})

const isFull = ({ bytes, rows }: Shard, bounds: Limits): boolean =>
  rows >= bounds.rows || bytes.offset >= bounds.bytes

/** A row group is what is held in memory: so many rows, or so many characters of text. */
const groupRows = 4096
const groupWeight = 8 * 2 ** 20

const put = (shard: Shard, rows: ReadonlyArray<Row>) => {
  shard.pending.push(...rows)
  shard.rows += rows.length
  shard.weight += rows.reduce((sum, row) => sum + weightOf(row), 0)
  return shard.pending.length < groupRows && shard.weight < groupWeight
    ? Effect.void
    : flush(shard, () => encode(shard))
}

const weightOf = (row: Row): number =>
  Object.values(row).reduce<number>(
    (sum, cell) => sum + (typeof cell === "string" ? cell.length : 8),
    0
  )

const finish = (shard: Shard) =>
  flush(shard, () => {
    encode(shard)
    void shard.parquet.finish()
  })

/** Does the work in memory, then takes what it left there to the disk. */
const flush = (shard: Shard, work: () => void) =>
  Effect.try({ try: work, catch: (cause) => ofDisk(shard.path, cause) }).pipe(
    Effect.andThen(Effect.suspend(() => shard.coming.write(shard.bytes.getBytes().slice()))),
    Effect.andThen(
      Effect.sync(() => {
        shard.bytes.index = 0
      })
    )
  )

/** Page indexes are left out: of all row groups together they would have to wait in memory. */
const encode = (shard: Shard): void => {
  const rows = shard.pending
  if (rows.length === 0) return
  const columnData = shard.table.columns.map((name) => ({
    name,
    data: rows.map((row) => row[name] ?? null),
    offsetIndex: false
  }))
  void shard.parquet.write({ columnData, rowGroupSize: rows.length })
  shard.pending = []
  shard.weight = 0
}
