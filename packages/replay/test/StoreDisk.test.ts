/** A test of a disk that refuses a write in the middle of a file: the operating system is told to allow no more. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { all, place } from "./storePlace.ts"

const writer = new URL("limitedWriter.ts", import.meta.url).pathname

/** A shell allows files of so many blocks of 512 or 1024 bytes, and the process to go on when it meets that bound. */
const limited = 'trap "" XFSZ; ulimit -f 1500; exec "$0" --conditions=source "$@"'

describe("a disk that refuses to write", () => {
  it.effect(
    "is said to, and nothing that was acknowledged is lost or half there",
    () =>
      Effect.gen(function* () {
        const { file, use } = yield* place
        const { stderr, stdout } = spawnSync(
          "sh",
          ["-c", limited, process.execPath, writer, file],
          {
            encoding: "utf8"
          }
        )
        assert.strictEqual(stderr, "")
        const { acknowledged, findings, kept, message, reason } = JSON.parse(stdout)
        assert.strictEqual(reason, "Io")
        assert.include(message, `${file}: the disk would not read or write`)
        assert.isAbove(acknowledged, 0)
        assert.deepStrictEqual([kept, findings], [acknowledged, []])
        const list = yield* use((store) => Effect.zip(all(store), store.verify))
        assert.deepStrictEqual([list[0].length, list[1]], [acknowledged, []])
      }),
    30_000
  )
})
