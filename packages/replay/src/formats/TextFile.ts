/**
 * Lines on their way into a file, plain or gzipped (`.gz`), a piece at a time.
 * What they say is for the formats.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { gzip } from "node:zlib"
import { type FormatError, ofDisk } from "./FormatError.ts"
import * as Lines from "./Lines.ts"
import * as WholeFile from "./WholeFile.ts"

/** Writes the lines, without their ends, and says how many they were. The file is there when all is safe. */
export const write = <E, R>(
  file: string,
  lines: Stream.Stream<string, E, R>
): Effect.Effect<number, E | FormatError, R | FileSystem.FileSystem> =>
  Effect.scoped(
    Effect.gen(function* () {
      const coming = yield* WholeFile.begin(file)
      let [count, text] = [0, ""]
      const flush = Effect.suspend(() => {
        const piece = text
        text = ""
        return Effect.flatMap(packed(file, piece), coming.write)
      })
      yield* Stream.runForEach(lines, (line) => {
        count++
        text += `${line}\n`
        return text.length < pieceLength ? Effect.void : flush
      })
      yield* flush
      yield* coming.keep(file)
      return count
    })
  )

const pieceLength = 1 << 20

const encoder = new TextEncoder()

/** Each piece is a gzip member of its own: put one behind the other they are one gzip file. */
const packed = (file: string, text: string): Effect.Effect<Uint8Array, FormatError> => {
  const bytes = encoder.encode(text)
  return Lines.isZipped(file)
    ? Effect.callback<Uint8Array, FormatError>((resume) => {
        gzip(bytes, (cause, zipped) =>
          resume(cause === null ? Effect.succeed(zipped) : Effect.fail(ofDisk(file, cause)))
        )
      })
    : Effect.succeed(bytes)
}
