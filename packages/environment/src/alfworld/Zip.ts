/**
 * Reads a ZIP archive held in memory: the files named in its central directory, unpacked and checked one by one.
 * It writes none, and refuses what the archives of ALFWorld do not have: encryption, Zip64, other methods than deflate.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { crc32, inflateRawSync } from "node:zlib"

/** A file in an archive. `size` and `crc` are of the unpacked bytes; `at` is where its own header begins. */
export interface Entry {
  readonly name: string
  readonly method: number
  readonly packed: number
  readonly size: number
  readonly crc: number
  readonly at: number
}

/** `entry`: the file in the archive, or empty where the archive itself is at fault. */
export class ZipError extends Schema.TaggedError<ZipError>()("ZipError", {
  reason: Schema.Literals(["damaged", "unsupported"]),
  entry: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.entry === "" ? "the archive" : this.entry}: ${this.detail}`
  }
}

const fault = (reason: ZipError["reason"], entry: string, detail: string) =>
  Result.fail(new ZipError({ reason, entry, detail }))

const view = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const endLength = 22
const directoryLength = 46
const headerLength = 30

/** The end record stands last, but for a comment of at most 65,535 bytes. */
const endOf = (data: DataView): number => {
  const last = data.byteLength - endLength
  for (let at = last; at >= 0 && at >= last - 0xffff; at--) {
    if (data.getUint32(at, true) === 0x06054b50) return at
  }
  return -1
}

/** The files of the archive, folders left out, in the order of its directory. */
export const entries = (bytes: Uint8Array): Result.Result<ReadonlyArray<Entry>, ZipError> => {
  const data = view(bytes)
  const end = endOf(data)
  if (end < 0) return fault("damaged", "", "it has no end record, so it is cut off or no ZIP")
  const count = data.getUint16(end + 10, true)
  let at = data.getUint32(end + 16, true)
  if (count === 0xffff || at === 0xffffffff) return fault("unsupported", "", "it is in Zip64")
  const found: Array<Entry> = []
  for (let index = 0; index < count; index++) {
    if (at + directoryLength > end || data.getUint32(at, true) !== 0x02014b50) {
      return fault("damaged", "", `entry ${index + 1} of its directory is not where it should be`)
    }
    const entry = entryAt(bytes, data, at)
    if (!entry.name.endsWith("/")) found.push(entry)
    const lengths = [28, 30, 32].map((field) => data.getUint16(at + field, true))
    at = lengths.reduce((sum, length) => sum + length, at + directoryLength)
  }
  return Result.succeed(found)
}

const entryAt = (bytes: Uint8Array, data: DataView, at: number): Entry => {
  const name = bytes.subarray(
    at + directoryLength,
    at + directoryLength + data.getUint16(at + 28, true)
  )
  return {
    name: new TextDecoder().decode(name),
    method: data.getUint16(at + 8, true) & 1 ? -1 : data.getUint16(at + 10, true),
    crc: data.getUint32(at + 16, true),
    packed: data.getUint32(at + 20, true),
    size: data.getUint32(at + 24, true),
    at: data.getUint32(at + 42, true)
  }
}

/** The unpacked bytes of a file. Its size and its sum are what the directory says, or it is damaged. */
export const unpack = (bytes: Uint8Array, entry: Entry): Result.Result<Uint8Array, ZipError> => {
  const data = view(bytes)
  const { at, method, name, packed, size } = entry
  if (method !== 0 && method !== 8) {
    return fault("unsupported", name, "it is encrypted, or packed otherwise than by deflate")
  }
  if (at + headerLength > bytes.length || data.getUint32(at, true) !== 0x04034b50) {
    return fault("damaged", name, "its header is not where it should be")
  }
  const from = at + headerLength + data.getUint16(at + 26, true) + data.getUint16(at + 28, true)
  const content = bytes.subarray(from, from + packed)
  const inflated = method === 0 ? Result.succeed(content) : inflate(content, entry)
  return Result.flatMap(inflated, (whole) =>
    whole.length === size && crc32(whole) === entry.crc
      ? Result.succeed(whole)
      : fault("damaged", name, "its size or its sum is not what the archive says")
  )
}

/** Never more than the size that the directory promises. */
const inflate = (content: Uint8Array, { name, size }: Entry): Result.Result<Uint8Array, ZipError> =>
  Result.try({
    try: () => new Uint8Array(inflateRawSync(content, { maxOutputLength: Math.max(1, size) })),
    catch: () => new ZipError({ reason: "damaged", entry: name, detail: "it cannot be unpacked" })
  })
