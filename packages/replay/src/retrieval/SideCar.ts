/**
 * A file that holds the vectors of a store once more, so that a search can begin without reading the store.
 * It is a copy and never the truth: one that is torn, foreign or stale is refused with its reason, and made anew.
 *
 * Little-endian. Header: "DGVECTOR", format version u32, dimension u32, rows f64, greatest sequence f64, length of the
 * embedder's name u32, the name, CRC-32 of all before u32. Then blocks of up to 512 rows: sequences f64[rows], vectors
 * f32[rows][dimension], CRC-32 of both u32. Nothing may follow.
 */
import { crc32 } from "node:zlib"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"

/** What the file must agree with. `greatest` is the greatest sequence number ever given, 0 before the first. */
export interface Contents {
  readonly embedder: string
  readonly dimension: number
  readonly count: number
  readonly greatest: number
}

export interface Row {
  readonly sequence: number
  readonly vector: Float32Array
}

/**
 * `Missing`: there is no such file. `Torn`: it ends too soon or too late, or a checksum differs. `Foreign`: it is no side-car,
 * or of another format version. `Stale`: it holds other vectors than were expected. `Io`: the disk.
 */
export class SideCarError extends Schema.TaggedError<SideCarError>()("SideCarError", {
  reason: Schema.Literals(["Missing", "Torn", "Foreign", "Stale", "Io"]),
  file: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

export const formatVersion = 1

/**
 * Writes exactly `contents.count` rows beside `path`, syncs, and renames: whoever opens `path` finds the old file or the
 * whole new one. Fails as `Stale` where there are more or fewer rows, or one of another dimension; `path` is untouched then.
 */
export const write = Effect.fn("SideCar.write")(function* (
  path: string,
  contents: Contents,
  rows: Iterable<Row>
): Effect.fn.Return<void, SideCarError, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  const aside = `${path}.new`
  const writing = Effect.scoped(
    Effect.gen(function* () {
      const file = yield* onDisk(path, files.open(aside, { flag: "w" }))
      yield* onDisk(path, file.writeAll(headerOf(contents)))
      yield* writeRows(path, file, contents, rows)
      yield* onDisk(path, file.sync)
    })
  )
  yield* Effect.onError(writing, () => Effect.ignore(files.remove(aside)))
  yield* onDisk(path, files.rename(aside, path))
  yield* syncDirectory(files, path)
})

/**
 * Hands the rows to `take`, up to 512 at a time; a row's vector is valid until `take` has answered. Blocks are checked before
 * they are handed over, but the file as a whole only at its end: where this fails, forget what was taken.
 */
export const read = Effect.fn("SideCar.read")(function* <E, R>(
  path: string,
  expected: Contents,
  take: (rows: ReadonlyArray<Row>) => Effect.Effect<void, E, R>
): Effect.fn.Return<void, SideCarError | E, FileSystem.FileSystem | R> {
  const files = yield* FileSystem.FileSystem
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* onDisk(path, files.open(path, { flag: "r" }))
      const size = Number((yield* onDisk(path, file.stat)).size)
      const head = new Uint8Array(Math.min(size, fixedBytes + longestName + 4))
      yield* fill(path, file, 0, head)
      yield* refuse(path, headerFault(head, expected))
      const start = headerOf(expected).length
      const whole = start + bodyBytes(expected)
      if (size !== whole) yield* refuse(path, ["Torn", `it has ${size} bytes, not ${whole}`])
      yield* readRows(path, file, start, expected, take)
    })
  )
})

/** Small enough that a block is still in the cache when it was checked. */
const blockRows = 512
const magic = new TextEncoder().encode("DGVECTOR")
/** Up to the embedder's name. */
const fixedBytes = magic.length + 4 + 4 + 8 + 8 + 4
/** Bytes of a name as far as they are looked for. */
const longestName = 4096

const blockBytes = (rows: number, dimension: number): number => rows * (8 + dimension * 4) + 4

const bodyBytes = ({ count, dimension }: Contents): number => {
  const full = Math.floor(count / blockRows)
  const rest = count % blockRows
  return full * blockBytes(blockRows, dimension) + (rest > 0 ? blockBytes(rest, dimension) : 0)
}

const headerOf = ({ count, dimension, embedder, greatest }: Contents): Uint8Array => {
  const name = new TextEncoder().encode(embedder)
  const bytes = new Uint8Array(fixedBytes + name.length + 4)
  const view = new DataView(bytes.buffer)
  bytes.set(magic)
  view.setUint32(8, formatVersion, true)
  view.setUint32(12, dimension, true)
  view.setFloat64(16, count, true)
  view.setFloat64(24, greatest, true)
  view.setUint32(32, name.length, true)
  bytes.set(name, fixedBytes)
  seal(bytes)
  return bytes
}

/** The checksum of all but the last four bytes goes into those. */
const seal = (bytes: Uint8Array): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(
    bytes.length - 4,
    crc32(bytes.subarray(0, -4)),
    true
  )

const isSealed = (bytes: Uint8Array): boolean =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true) ===
  crc32(bytes.subarray(0, -4))

type Fault = readonly [SideCarError["reason"], string]

/** What is wrong with a file that begins with `bytes`: its whole header, or all it has. */
const headerFault = (bytes: Uint8Array, expected: Contents): Fault | undefined => {
  const isOurs = magic.every((byte, i) => i >= bytes.length || bytes[i] === byte)
  if (!isOurs) return ["Foreign", "it does not begin as one does"]
  if (bytes.length < fixedBytes) return ["Torn", "it ends within its header"]
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const version = view.getUint32(8, true)
  if (version !== formatVersion) {
    return ["Foreign", `its format is version ${version}, this program reads ${formatVersion}`]
  }
  const end = fixedBytes + view.getUint32(32, true)
  if (end + 4 > bytes.length || !isSealed(bytes.subarray(0, end + 4))) {
    return ["Torn", "the checksum of its header differs"]
  }
  const found = {
    embedder: new TextDecoder().decode(bytes.subarray(fixedBytes, end)),
    dimension: view.getUint32(12, true),
    count: view.getFloat64(16, true),
    greatest: view.getFloat64(24, true)
  }
  const fields = ["embedder", "dimension", "count", "greatest"] as const
  const differing = fields.find((field) => found[field] !== expected[field])
  return differing === undefined
    ? undefined
    : ["Stale", `its ${differing} is ${found[differing]}, not ${expected[differing]}`]
}

const refuse = (path: string, fault: Fault | undefined): Effect.Effect<void, SideCarError> => {
  if (fault === undefined) return Effect.void
  const [reason, what] = fault
  const message = `${path} cannot be used: ${what}; remove it, and it is made anew from the store`
  return Effect.fail(new SideCarError({ reason, file: path, message }))
}

const writeRows = Effect.fnUntraced(function* (
  path: string,
  file: FileSystem.File,
  { count, dimension }: Contents,
  rows: Iterable<Row>
) {
  const more = rows[Symbol.iterator]()
  for (let written = 0; written < count; written += blockRows) {
    const block = blockOf(more, Math.min(blockRows, count - written), dimension)
    if (block === undefined) {
      return yield* refuse(path, ["Stale", `there are not ${count} rows of ${dimension} numbers`])
    }
    yield* onDisk(path, file.writeAll(block))
  }
  if (more.next().done !== true) yield* refuse(path, ["Stale", `there are more than ${count} rows`])
})

/** Undefined where the rows do not suffice, or one has another dimension. */
const blockOf = (more: Iterator<Row>, rows: number, dimension: number): Uint8Array | undefined => {
  const bytes = new Uint8Array(blockBytes(rows, dimension))
  const { sequences, vectors } = viewsOf(bytes, rows, dimension)
  for (let i = 0; i < rows; i++) {
    const next = more.next()
    if (next.done === true || next.value.vector.length !== dimension) return undefined
    sequences[i] = next.value.sequence
    vectors.set(next.value.vector, i * dimension)
  }
  seal(bytes)
  return bytes
}

const viewsOf = (bytes: Uint8Array, rows: number, dimension: number) => ({
  sequences: new Float64Array(bytes.buffer, bytes.byteOffset, rows),
  vectors: new Float32Array(bytes.buffer, bytes.byteOffset + rows * 8, rows * dimension)
})

const readRows = Effect.fnUntraced(function* <E, R>(
  path: string,
  file: FileSystem.File,
  start: number,
  { count, dimension }: Contents,
  take: (rows: ReadonlyArray<Row>) => Effect.Effect<void, E, R>
) {
  let position = start
  const buffer = new Uint8Array(blockBytes(Math.min(blockRows, count), dimension))
  for (let done = 0; done < count; done += blockRows) {
    const rows = Math.min(blockRows, count - done)
    const bytes = buffer.subarray(0, blockBytes(rows, dimension))
    yield* fill(path, file, position, bytes)
    position += bytes.length
    if (!isSealed(bytes)) {
      yield* refuse(path, ["Torn", `the checksum of rows ${done} to ${done + rows} differs`])
    }
    const { sequences, vectors } = viewsOf(bytes, rows, dimension)
    yield* take(
      Array.from(sequences, (sequence, i) => ({
        sequence,
        vector: vectors.subarray(i * dimension, (i + 1) * dimension)
      }))
    )
  }
})

/** Reads as many bytes as there is room for, from `position`, or fails as `Torn`. */
const fill = Effect.fnUntraced(function* (
  path: string,
  file: FileSystem.File,
  position: number,
  bytes: Uint8Array
) {
  let filled = 0
  while (filled < bytes.length) {
    const at = { position: BigInt(position + filled) }
    const count = yield* onDisk(path, file.read(bytes.subarray(filled), at))
    if (count === 0) yield* refuse(path, ["Torn", `it ends at byte ${position + filled}`])
    filled += count
  }
})

/** The renaming is there for good when the folder is written too; not every system lets a folder be opened. */
const syncDirectory = (files: FileSystem.FileSystem, path: string) =>
  files.open(path.slice(0, Math.max(1, path.lastIndexOf("/"))), { flag: "r" }).pipe(
    Effect.flatMap((folder) => folder.sync),
    Effect.scoped,
    Effect.ignore
  )

const onDisk = <A, R>(
  path: string,
  effect: Effect.Effect<A, PlatformError.PlatformError, R>
): Effect.Effect<A, SideCarError, R> =>
  Effect.mapError(effect, (cause) => {
    const isMissing = cause.reason._tag === "NotFound"
    return new SideCarError({
      reason: isMissing ? "Missing" : "Io",
      file: path,
      message: isMissing
        ? `${path} is not there; it is made from the store`
        : `${path}: ${cause.message}; see that the disk has room and the folder may be written`,
      cause
    })
  })
