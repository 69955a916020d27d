import type { ReplayBuffer as Contract } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestConsole from "effect/testing/TestConsole"
import * as fs from "node:fs"
import { ReplayBuffer } from "../src/index.ts"
import { add, disk, idsOf, snapshot, temporaryDirectory, trajectoryOf } from "./disk.ts"

const [a, b, c] = [trajectoryOf("a"), trajectoryOf("b"), trajectoryOf("c")]

/** A place for a buffer: `use` opens it, runs the program and closes it again. */
const place = Effect.map(temporaryDirectory, (directory) => {
  const file = `${directory}/trajectories.jsonl`
  return {
    file,
    write: (text: string | Uint8Array) => fs.writeFileSync(file, text),
    read: () => fs.readFileSync(file, "utf8"),
    use: (on: ReturnType<typeof disk> = disk()) => {
      const layer = ReplayBuffer.layerJsonl({ directory })
      return <A, E>(program: Effect.Effect<A, E, Contract.ReplayBuffer>) =>
        program.pipe(Effect.provide(layer, { local: true }), Effect.provide(on.layer))
    }
  }
})

describe("a buffer on disk", () => {
  it.effect("answers an addition only after its lines are written and synced", () =>
    Effect.gen(function* () {
      const { read, use } = yield* place
      const on = disk()
      yield* use(on)(
        Effect.gen(function* () {
          on.log.length = 0
          yield* add(a, b)
          const size = read().length
          assert.deepStrictEqual(on.log.splice(0), [`write ${size}`, "sync"])
          assert.strictEqual(yield* add(a), 0)
          assert.deepStrictEqual(on.log, [])
        })
      )
      assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b"])
    })
  )

  it.effect("sets a torn end aside, says so, and keeps everything before it", () =>
    Effect.gen(function* () {
      const { file, read, use } = yield* place
      yield* use()(add(a, b))
      const whole = read()
      for (const torn of ['{"id":"torn', "\u0000\u0000\u0000", '{"id":"é'.slice(0, -1)]) {
        fs.appendFileSync(file, torn)
        assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b"])
        assert.strictEqual(read(), whole)
        assert.isTrue(fs.readFileSync(`${file}.torn`, "utf8").endsWith(`${torn}\n`))
      }
      const said = (yield* TestConsole.logLines).map(String).join("\n")
      assert.include(said, `its 11 bytes are now in ${file}.torn`)
      assert.strictEqual(yield* use()(add(c)), 1)
      assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b", "c"])
    })
  )

  it.effect("keeps every prefix of its file: no cut loses what was complete", () =>
    Effect.gen(function* () {
      const { read, use, write } = yield* place
      yield* use()(add(a, b))
      const bytes = new TextEncoder().encode(read())
      const first = bytes.indexOf(10) + 1
      for (const cut of [0, 1, first - 1, first, first + 1, bytes.length - 1, bytes.length]) {
        write(bytes.slice(0, cut))
        const expected = cut < first ? [] : cut < bytes.length ? ["a"] : ["a", "b"]
        assert.deepStrictEqual(idsOf(yield* use()(snapshot)), expected, `cut at ${cut}`)
      }
    })
  )

  it.effect("reads lines of any length, though a character lies across two readings", () =>
    Effect.gen(function* () {
      const { use } = yield* place
      const long = ["a", "b", "c"].map((id) =>
        trajectoryOf(id, { turns: [["look", `${id}${"é".repeat(400_000)}`]] })
      )
      yield* use()(add(...long))
      assert.deepStrictEqual(yield* use()(snapshot), long)
    })
  )

  it.effect("names file and line of what is corrupt, touches nothing, and says what to do", () =>
    Effect.gen(function* () {
      const { file, read, use, write } = yield* place
      yield* use()(add(a, b, c))
      const [first = "", , third = ""] = read().split("\n")
      const notText = new TextEncoder().encode(`${first}\n${first}\n`)
      notText[first.length + 1 + first.indexOf("trajectory-a")] = 0xff
      const corrupt = [`${first}\n{"id":3}\n${third}\n`, `${first}\n\n${third}\n`, notText]
      for (const content of corrupt) {
        write(content)
        const error = yield* Effect.flip(use()(snapshot))
        assert.deepStrictEqual([error.reason, error.file], ["Corrupt", file])
        assert.include(error.message, `line 2 of ${file} is no trajectory; take that line out`)
        assert.deepStrictEqual(fs.readFileSync(file), Buffer.from(content))
      }
    })
  )

  it.effect(
    "keeps all of an addition or nothing when the disk is full, and works again after",
    () =>
      Effect.gen(function* () {
        const { read, use } = yield* place
        yield* use()(add(a))
        const before = read()
        const full = disk({ failAfter: 100 })
        yield* use(full)(
          Effect.gen(function* () {
            const error = yield* Effect.flip(add(b))
            assert.strictEqual(error.reason, "Io")
            assert.include(error.message, "see that the disk has room")
            assert.strictEqual(read(), before)
            assert.deepStrictEqual(idsOf(yield* snapshot), ["a"])
            full.repair()
            assert.strictEqual(yield* add(b, c), 2)
          })
        )
        assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b", "c"])
      })
  )

  it.effect("adds nothing more to a file that it could not cut back", () =>
    Effect.gen(function* () {
      const { read, use } = yield* place
      const full = disk({ failAfter: 100, noTruncate: true })
      yield* use(full)(
        Effect.gen(function* () {
          yield* Effect.flip(add(a))
          full.repair()
          const left = read()
          assert.strictEqual((yield* Effect.flip(add(b))).reason, "Io")
          assert.strictEqual(read(), left)
        })
      )
      assert.deepStrictEqual(idsOf(yield* use()(snapshot)), [])
      assert.strictEqual(yield* use()(add(b)), 1)
    })
  )

  it.effect("refuses what JSON cannot hold, rather than keep something else", () =>
    Effect.gen(function* () {
      const { read, use } = yield* place
      const odd = { ...b, task: { ...b.task, payload: new Map([[1, 2]]) } }
      const error = yield* Effect.flip(use()(add(a, odd)))
      assert.include(error.message, "trajectory trajectory-b cannot be written as JSON")
      assert.strictEqual(read(), "")
      const strange = {
        ...c,
        transitions: c.transitions.map((one) => ({ ...one, reward: Number.POSITIVE_INFINITY }))
      }
      yield* use()(add(strange))
      assert.deepStrictEqual(yield* use()(snapshot), [strange])
    })
  )
})
