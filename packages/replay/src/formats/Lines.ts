/**
 * The lines of a file, plain or gzipped (`.gz`), one after the other and never all at once.
 * What a line means is not its business.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { createReadStream } from "node:fs"
import { pipeline } from "node:stream"
import { createGunzip } from "node:zlib"
import { FormatError, malformed, ofDisk } from "./FormatError.ts"

/** `number` counts from 1; blank lines count and are passed over. `hasEnd` is false for a last line without a newline. */
export interface Line {
  readonly number: number
  readonly text: string
  readonly hasEnd: boolean
}

/**
 * Fails as `Missing` or `Io`, as `Torn` where gzipped content ends too early, and as `Malformed` where bytes are no gzip or a line is
 * no UTF-8.
 */
export const read = (file: string): Stream.Stream<Line, FormatError> =>
  bytesOf(file).pipe(
    Stream.mapAccumArray(begin, (reading, chunks) => [reading, chunks.flatMap(taking(reading))], {
      onHalt: rest
    }),
    Stream.mapEffect((line) => decode(file, line)),
    Stream.filter(({ text }) => text.trim() !== "")
  )

export const isZipped = (file: string): boolean => file.endsWith(".gz")

const chunkSize = 1 << 20
const newline = 10

const bytesOf = (file: string): Stream.Stream<Uint8Array, FormatError> =>
  Stream.suspend(() => {
    const source = createReadStream(file, { highWaterMark: chunkSize })
    const bytes = isZipped(file)
      ? pipeline(source, createGunzip({ chunkSize }), () => undefined)
      : source
    return Stream.fromAsyncIterable<Uint8Array, FormatError>(bytes, failureOf(file))
  })

const failureOf =
  (file: string) =>
  (cause: unknown): FormatError => {
    const said = cause instanceof Error ? cause.message : String(cause)
    if (said === "unexpected end of file") {
      return new FormatError({
        reason: "Torn",
        file,
        message: `${file} is torn: its gzipped content ends too early; fetch or write it again`,
        cause
      })
    }
    const isUnzippable = /incorrect header|invalid|incorrect data/.test(said)
    return isUnzippable
      ? new FormatError({
          reason: "Malformed",
          file,
          message: `${file}: what ends in .gz is no sound gzip (${said}); fetch or write it again`,
          cause
        })
      : ofDisk(file, cause)
  }

/** `parts` are the pieces of the line that goes on in the next chunk; joined only once, when its end is there. */
interface Reading {
  number: number
  parts: Array<Uint8Array>
}

interface RawLine {
  readonly number: number
  readonly bytes: Uint8Array
  readonly hasEnd: boolean
}

const begin = (): Reading => ({ number: 0, parts: [] })

const taking =
  (reading: Reading) =>
  (chunk: Uint8Array): ReadonlyArray<RawLine> => {
    const lines: Array<RawLine> = []
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      lines.push(next(reading, chunk.subarray(from, at), true))
      from = at + 1
    }
    if (from < chunk.length) reading.parts.push(chunk.subarray(from))
    return lines
  }

const next = (reading: Reading, end: Uint8Array, hasEnd: boolean): RawLine => {
  const bytes = reading.parts.length === 0 ? end : Buffer.concat([...reading.parts, end])
  reading.parts = []
  reading.number++
  return { number: reading.number, bytes, hasEnd }
}

const rest = (reading: Reading): ReadonlyArray<RawLine> =>
  reading.parts.length === 0 ? [] : [next(reading, new Uint8Array(0), false)]

/** Fatal, because a byte that is no text must not become a replacement character in silence. */
const utf8 = new TextDecoder("utf-8", { fatal: true })

const decode = (file: string, { bytes, hasEnd, number }: RawLine) =>
  Effect.try({
    try: (): Line => ({ number, hasEnd, text: utf8.decode(bytes) }),
    catch: () => malformed(file, number, "line", "its bytes are not UTF-8")
  })
