import { ReplayBuffer as Contract, type Trajectory } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import type { ReplayBuffer } from "../src/index.ts"
import { noting, place } from "./database.ts"
import { add, trajectoryOf } from "./disk.ts"

const question = { state: "a room", action: "take b", k: 2 }
const find = Contract.ReplayBuffer.use((buffer) => buffer.similar(question))
const three = ["a", "b", "c"].map((id) => trajectoryOf(id))

/** Asks in a buffer of its own, and tells what was embedded for it beside the question. */
const asking = Effect.fnUntraced(function* (
  { use }: Effect.Success<typeof place>,
  options: Partial<ReplayBuffer.SqliteOptions> = {},
  more: Parameters<typeof noting>[0] = {}
) {
  const { asked, embedder } = noting(more)
  const found = yield* use({ embedder, ...options })(find)
  const embedded = asked.flat().filter((text) => text !== "a room\n> take b" || asked.length > 1)
  return { found: found.map(({ id }) => id), embedded: embedded.length - Number(asked.length > 1) }
})

const filled = Effect.gen(function* () {
  const here = yield* place
  yield* here.use()(add(...three))
  return { ...here, copy: `${here.file}-vectors`, first: yield* asking(here) }
})

describe("vectors that were made once", () => {
  it.effect("are made for all at the first question, and read from the side-car ever after", () =>
    Effect.gen(function* () {
      const here = yield* filled
      assert.deepStrictEqual(here.first.embedded, 3)
      here.sql("delete from embedding")
      const { mtimeNs } = fs.statSync(here.copy, { bigint: true })
      assert.deepStrictEqual(yield* asking(here), { ...here.first, embedded: 0 })
      assert.strictEqual(fs.statSync(here.copy, { bigint: true }).mtimeNs, mtimeNs)
    }).pipe(Effect.scoped)
  )

  it.effect("are copied without those that went", () =>
    Effect.gen(function* () {
      const here = yield* filled
      const { embedder } = noting()
      const snapshot = yield* here.use()(Contract.ReplayBuffer.use((buffer) => buffer.snapshot))
      yield* here.use({ embedder })(Effect.andThen(add(trajectoryOf("d")), find))
      const back = Contract.ReplayBuffer.use((buffer) => buffer.restore(snapshot))
      yield* here.use({ embedder })(Effect.all([find, back, find]))
      here.sql("delete from embedding")
      assert.deepStrictEqual(yield* asking(here), { ...here.first, embedded: 0 })
    }).pipe(Effect.scoped)
  )

  it.effect(
    "are read from the database where the side-car is torn, foreign or gone, and copied anew",
    () =>
      Effect.gen(function* () {
        const here = yield* filled
        const whole = fs.readFileSync(here.copy)
        const damages: ReadonlyArray<() => void> = [
          () => fs.writeFileSync(here.copy, whole.subarray(0, -9)),
          () => fs.writeFileSync(here.copy, "whatever this may be"),
          () => fs.writeFileSync(here.copy, flippedOf(whole)),
          () => fs.rmSync(here.copy)
        ]
        for (const damage of damages) {
          damage()
          assert.deepStrictEqual(yield* asking(here), { ...here.first, embedded: 0 })
          assert.deepStrictEqual(fs.readFileSync(here.copy), whole)
        }
      }).pipe(Effect.scoped)
  )

  it.effect("are right though the side-car is older than the database", () =>
    Effect.gen(function* () {
      const here = yield* filled
      yield* here.use()(add(trajectoryOf("d"), trajectoryOf("b2", { turns: [["take b", "yes"]] })))
      const next = yield* asking(here)
      assert.deepStrictEqual(next.embedded, 2)
      assert.deepStrictEqual(next.found, ["trajectory-b#0", "trajectory-b2#0"])
      assert.deepStrictEqual(yield* asking(here), { ...next, embedded: 0 })
    }).pipe(Effect.scoped)
  )

  it.effect("are not those of another embedder, or of another dimension: they are made anew", () =>
    Effect.gen(function* () {
      const here = yield* filled
      const others = [{ name: "another" }, { name: "another", dimension: 3 }]
      for (const other of others) {
        assert.strictEqual((yield* asking(here, {}, other)).embedded, 3)
        assert.strictEqual((yield* asking(here, {}, other)).embedded, 0)
      }
      assert.deepStrictEqual(here.sql("select distinct embedder, dimension from embedding"), [
        { embedder: "another", dimension: 3 }
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("of a state of one's own are kept under its name, or not at all", () =>
    Effect.gen(function* () {
      const here = yield* filled
      const state = () => "somewhere"
      assert.strictEqual((yield* asking(here, { state })).embedded, 3)
      assert.strictEqual((yield* asking(here, { state })).embedded, 3)
      assert.strictEqual((yield* asking(here, { state, stateName: "where-1" })).embedded, 3)
      assert.strictEqual((yield* asking(here, { state, stateName: "where-1" })).embedded, 0)
      assert.strictEqual((yield* asking(here, { state, stateName: "where-2" })).embedded, 3)
    }).pipe(Effect.scoped)
  )

  it.effect("are not kept where they cost less to make than to read", () =>
    Effect.gen(function* () {
      const here = yield* place
      yield* here.use()(Effect.andThen(add(...three), find))
      assert.deepStrictEqual(here.sql("select * from embedding"), [])
      assert.isFalse(fs.existsSync(`${here.file}-vectors`))
      yield* here.use({ keepVectors: true })(find)
      assert.strictEqual(here.sql("select * from embedding").length, 3)
      assert.isTrue(fs.existsSync(`${here.file}-vectors`))
    }).pipe(Effect.scoped)
  )

  it.effect("are read, and nothing written, by who only looks on", () =>
    Effect.gen(function* () {
      const here = yield* place
      yield* here.use()(add(...three))
      assert.strictEqual((yield* asking(here, { readOnly: true })).embedded, 3)
      assert.deepStrictEqual(here.sql("select * from embedding"), [])
      yield* asking(here)
      assert.strictEqual((yield* asking(here, { readOnly: true })).embedded, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("of a trajectory that is real in part tell the real from the dreamt", () =>
    Effect.gen(function* () {
      const here = yield* place
      const [real, dreamt] = [true, false].map((isReal) =>
        trajectoryOf("m", { isReal, turns: [["take b", "x"]] })
      )
      const mixed: Trajectory.Trajectory = {
        ...trajectoryOf("m"),
        transitions: [real, dreamt].flatMap((one) => one?.transitions ?? [])
      }
      const { embedder } = noting()
      const sources = Contract.ReplayBuffer.use(({ similar }) =>
        Effect.forEach(["Real", "Synthetic"] as const, (source) =>
          Effect.map(similar({ ...question, source }), (found) => found.map(({ id }) => id))
        )
      )
      const expected = [["trajectory-m#0"], ["trajectory-m#1"]]
      const first = yield* here.use({ embedder })(Effect.andThen(add(mixed), sources))
      assert.deepStrictEqual(first, expected)
      assert.deepStrictEqual(yield* here.use({ embedder })(sources), expected)
    }).pipe(Effect.scoped)
  )
})

/** With one bit of a vector changed. */
const flippedOf = (whole: Buffer): Buffer => {
  const flipped = Buffer.from(whole)
  const at = whole.length - 20
  flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at)
  return flipped
}
