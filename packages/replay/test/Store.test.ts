/** Tests of the buffer in a database: what it holds, what it refuses, and what it brings back. */
import type { ReplayBuffer as Contract, Trajectory } from "@dreamgym/domain"
import { Arbitraries } from "@dreamgym/laws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"
import * as fs from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { ReplayBuffer } from "../src/index.ts"
import * as Kept from "../src/Kept.ts"
import * as Store from "../src/store/Store.ts"
import { add, disk, idsOf, snapshot, temporaryDirectory, trajectoryOf } from "./disk.ts"

/** A place for a database: `use` opens it, runs the program and closes it again. */
const place = Effect.map(temporaryDirectory, (directory) => {
  const file = `${directory}/replay.sqlite`
  return {
    directory,
    file,
    use:
      (options: Partial<ReplayBuffer.SqliteOptions> = {}) =>
      <A, E>(program: Effect.Effect<A, E, Contract.ReplayBuffer>) =>
        program.pipe(
          Effect.provide(ReplayBuffer.layerSqlite({ file, ...options }), { local: true }),
          Effect.provide(disk().layer)
        ),
    /** SQL from outside, as another program would. */
    sql: (text: string) => {
      const database = new DatabaseSync(file)
      const rows = database.prepare(text).all()
      database.close()
      return rows.map((row) => ({ ...row }))
    }
  }
})

const dream = (id: string) => trajectoryOf(id, { isReal: false })
const runs = (property: fc.IAsyncProperty<unknown>, numRuns = 20) =>
  Effect.promise(() => fc.assert(property, { numRuns, seed: 4 }))

describe("a buffer in a database", () => {
  it.effect("brings back every trajectory as it was, from names to log-probabilities", () =>
    runs(
      fc.asyncProperty(
        fc.uniqueArray(Arbitraries.trajectory, { maxLength: 5, selector: ({ task }) => task.id }),
        (list) =>
          Effect.gen(function* () {
            const { use } = yield* place
            yield* use()(add(...list))
            assert.deepStrictEqual(yield* use()(snapshot), list)
          }).pipe(Effect.scoped, Effect.runPromise)
      )
    )
  )

  it.effect(
    "holds text that UTF-8 cannot, numbers that JSON cannot, and the empty trajectory",
    () =>
      Effect.gen(function* () {
        const { use } = yield* place
        const odd = ["\ud800 alone", "a\u0000b", "\u0000utf16:00", "", "𝔘🙂\u2028"].map((text, i) =>
          trajectoryOf(`odd-${i}`, { turns: [[text, text]] })
        )
        const strange = trajectoryOf("strange")
        const list = [
          ...odd,
          {
            ...strange,
            transitions: [Number.NaN, Number.POSITIVE_INFINITY, 5e-324].flatMap((reward) =>
              strange.transitions.map((one) => ({ ...one, reward, observation: "not what came" }))
            )
          },
          trajectoryOf("empty", { turns: [] })
        ]
        yield* use()(add(...list))
        assert.deepStrictEqual(yield* use()(snapshot), list)
      })
  )

  it.effect("refuses what JSON cannot hold, and all that comes with it", () =>
    Effect.gen(function* () {
      const { use } = yield* place
      const b = trajectoryOf("b")
      const odd = { ...b, task: { ...b.task, payload: new Map([[1, 2]]) } }
      const error = yield* Effect.flip(use()(add(trajectoryOf("a"), odd)))
      assert.include(error.message, "trajectory trajectory-b cannot be written as JSON")
      assert.deepStrictEqual(yield* use()(snapshot), [])
    })
  )

  it.effect("begins with the journal that lies beside it, once", () =>
    Effect.gen(function* () {
      const { directory, use } = yield* place
      const journal = ReplayBuffer.layerJsonl({ directory }).pipe(Layer.provide(disk().layer))
      yield* Effect.provide(add(trajectoryOf("a"), dream("b")), journal)
      assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b"])
      yield* Effect.provide(add(trajectoryOf("c")), Layer.fresh(journal))
      assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b"])
    })
  )

  it.effect("becomes exactly what a run goes on from, and keeps what stays in its place", () =>
    Effect.gen(function* () {
      const { sql, use } = yield* place
      const [a, b, c, d] = [trajectoryOf("a"), dream("b"), dream("c"), dream("d")] as const
      yield* use()(add(a, b, c))
      const exactly = [a, b, d, d]
      assert.deepStrictEqual(idsOf(yield* use({ exactly })(snapshot)), ["a", "b", "d"])
      assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b", "d"])
      const seqs = sql("select seq, task_id from trajectory order by seq")
      assert.deepStrictEqual(seqs, [
        { seq: 1, task_id: "a" },
        { seq: 2, task_id: "b" },
        { seq: 4, task_id: "d" }
      ])
    })
  )
})

/** Additions in a world of few contents, so that they come again, dreamt or real, of few qualities. */
const additions = fc.array(
  fc.array(
    fc
      .record({
        id: fc.constantFrom("a", "b", "c", "d", "e", "f"),
        isReal: fc.boolean(),
        version: fc.nat({ max: 2 })
      })
      .map(({ id, isReal, version }) => trajectoryOf(id, { isReal, policyVersion: version })),
    { maxLength: 4 }
  ),
  { maxLength: 6 }
)
const bounds = fc.option(fc.nat({ max: 4 }), { nil: undefined })
const quality: Kept.Quality = ({ policyVersion }) => policyVersion
const defined = <A extends object>(options: A) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

const inTurn = (parts: ReadonlyArray<ReadonlyArray<Trajectory.Trajectory>>) =>
  Effect.gen(function* () {
    const counts = yield* Effect.forEach(parts, (part) => add(...part))
    return { counts, kept: yield* snapshot }
  })

describe("quotas", () => {
  it.effect("are kept in the database as in memory, whatever comes in whatever order", () =>
    runs(
      fc.asyncProperty(additions, bounds, bounds, bounds, (parts, capacity, real, synthetic) =>
        Effect.gen(function* () {
          const { use } = yield* place
          const quotas = defined({ real, synthetic })
          const options = { quality, quotas, ...defined({ capacity }) }
          const expected = yield* Effect.provide(inTurn(parts), ReplayBuffer.layerMemory(options))
          assert.deepStrictEqual(yield* use(options)(inTurn(parts)), expected)
          assert.deepStrictEqual(yield* use(options)(snapshot), expected.kept)
        }).pipe(Effect.scoped, Effect.runPromise)
      ),
      40
    )
  )

  it.effect("let the worst go first, then the oldest, and no dream in place of what was real", () =>
    Effect.gen(function* () {
      const { sql, use } = yield* place
      const options = { quality, quotas: { real: 2, synthetic: 2 } }
      const of = (id: string, isReal: boolean, policyVersion: number) =>
        trajectoryOf(id, { isReal, policyVersion })
      yield* use(options)(
        add(
          of("a", true, 1),
          of("b", false, 2),
          of("c", false, 1),
          of("d", false, 1),
          of("e", true, 1)
        )
      )
      assert.deepStrictEqual(idsOf(yield* use(options)(snapshot)), ["a", "b", "d", "e"])
      yield* use(options)(add(of("f", false, 9), of("g", true, 0)))
      assert.deepStrictEqual(idsOf(yield* use(options)(snapshot)), ["a", "b", "e", "f"])
      const told = sql("select kind, subject from event order by seq")
      assert.deepStrictEqual(
        told,
        [3, 4, 7].map((subject) => ({ kind: "evicted", subject }))
      )
      assert.deepStrictEqual(sql("select count(*) as n from step"), [{ n: 4 }])
    })
  )
})

describe("a snapshot", () => {
  const entries = (...list: ReadonlyArray<Trajectory.Trajectory>) =>
    list.map((one) => Kept.entryOf(one, quality))
  const open = (file: string) => Store.open({ file, quotas: { synthetic: 3 } }, () => undefined)
  const kept = (store: Store.Store) => idsOf(store.entries().map(({ trajectory }) => trajectory))

  it.effect("brings back what was evicted since, and takes away what came since", () =>
    Effect.gen(function* () {
      const { file, sql } = yield* place
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open(file)
          yield* store.add(entries(dream("a"), dream("b"), trajectoryOf("r")))
          const first = yield* store.snapshot
          yield* store.add(entries(dream("c"), dream("d"), trajectoryOf("a")))
          assert.deepStrictEqual(kept(store), ["r", "c", "d", "a"].toSpliced(0, 0, "b"))
          const second = yield* store.snapshot
          yield* store.add(entries(dream("e"), dream("f"), dream("g")))
          assert.deepStrictEqual(kept(store), ["r", "a", "e", "f", "g"])
          yield* store.restore(second)
          assert.deepStrictEqual(kept(store), ["b", "r", "c", "d", "a"])
          yield* store.restore(first)
          assert.deepStrictEqual(kept(store), ["a", "b", "r"])
          const error = yield* Effect.flip(store.restore(second))
          assert.include(error.message, `has no snapshot ${second}`)
          assert.deepStrictEqual(yield* store.verify, [])
        })
      )
      const again = yield* Effect.scoped(Effect.map(open(file), kept))
      assert.deepStrictEqual(again, ["a", "b", "r"])
      assert.deepStrictEqual(sql("select count(*) as n from trajectory"), [{ n: 3 }])
    })
  )

  it.effect("that is released holds nothing any more", () =>
    Effect.gen(function* () {
      const { file, sql } = yield* place
      const count = () => sql("select count(*) as n from trajectory")[0]?.["n"]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open(file)
          yield* store.add(entries(dream("a"), dream("b"), dream("c")))
          const version = yield* store.snapshot
          yield* store.add(entries(dream("d"), dream("e")))
          assert.strictEqual(count(), 5)
          yield* store.release(version)
          assert.strictEqual(count(), 3)
          assert.strictEqual((yield* Effect.flip(store.release(version))).reason, "Io")
        })
      )
    })
  )

  it.effect("is the list that was, however additions, snapshots and restorations follow", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("add" as const),
        id: fc.nat({ max: 9 }),
        isReal: fc.boolean()
      }),
      fc.record({ kind: fc.constant("snapshot" as const) }),
      fc.record({ kind: fc.constant("restore" as const), which: fc.nat({ max: 1 }) }),
      fc.record({ kind: fc.constant("release" as const), which: fc.nat({ max: 1 }) })
    )
    return runs(
      fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 50 }), (steps) =>
        Effect.gen(function* () {
          const { file } = yield* place
          const store = yield* open(file)
          let known: Array<readonly [number, ReadonlyArray<string>]> = []
          for (const one of steps) {
            if (one.kind === "add") {
              yield* store.add(entries(trajectoryOf(`t${one.id}`, { isReal: one.isReal })))
            } else if (one.kind === "snapshot") {
              known.push([yield* store.snapshot, kept(store)])
            } else {
              const [version, list] = known[one.which] ?? []
              if (version === undefined) continue
              yield* store[one.kind](version)
              if (one.kind === "restore") assert.deepStrictEqual(kept(store), list)
              known = known.filter(([other]) =>
                one.kind === "restore" ? other <= version : other !== version
              )
            }
          }
          const [version, list] = known[0] ?? []
          if (version === undefined) return
          yield* store.restore(version)
          assert.deepStrictEqual(kept(store), list)
        }).pipe(Effect.scoped, Effect.runPromise)
      ),
      40
    )
  })
})

describe("a database that cannot be used", () => {
  it.effect("is refused while another one writes to it, and free when that one is done", () =>
    Effect.gen(function* () {
      const { file, use } = yield* place
      yield* use()(
        Effect.gen(function* () {
          yield* add(trajectoryOf("a"))
          const error = yield* Effect.flip(use()(snapshot))
          assert.deepStrictEqual([error.reason, error.file], ["Locked", file])
          assert.include(error.message, "another process writes to it")
          yield* add(trajectoryOf("b"))
        })
      )
      assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b"])
    })
  )

  it.effect("is named, with what is wrong and what to do, and not touched", () =>
    Effect.gen(function* () {
      const { file, sql, use } = yield* place
      const refused = Effect.gen(function* () {
        const before = fs.readFileSync(file)
        const error = yield* Effect.flip(use()(snapshot))
        assert.deepStrictEqual(fs.readFileSync(file), before)
        assert.isTrue(error.message.startsWith(`${file}: `))
        return [error.reason, error.message] as const
      })
      fs.writeFileSync(file, "no database at all. ".repeat(300))
      assert.deepInclude(yield* refused, "Corrupt")
      fs.rmSync(file)
      sql("create table other (a)")
      assert.include((yield* refused)[1], "the database of another program")
      fs.rmSync(file)
      yield* use()(add(trajectoryOf("a")))
      sql("pragma user_version = 7")
      const [reason, message] = yield* refused
      assert.strictEqual(reason, "NewerVersion")
      assert.include(message, "it is of version 7, this program knows up to 1")
    })
  )

  it.effect("is corrupt where a page or a row is none", () =>
    Effect.gen(function* () {
      const { file, sql, use } = yield* place
      yield* use()(add(...Array.from({ length: 50 }, (_, i) => trajectoryOf(`${i}`))))
      const whole = fs.readFileSync(file)
      fs.writeFileSync(file, whole.fill(0xab, 4096, 4096 * 6))
      assert.strictEqual((yield* Effect.flip(use()(snapshot))).reason, "Corrupt")
      fs.rmSync(file)
      yield* use()(add(trajectoryOf("a")))
      sql("update trajectory set ending = 'nonsense'")
      const error = yield* Effect.flip(use()(snapshot))
      assert.strictEqual(error.reason, "Corrupt")
      assert.include(error.message, "a row is no trajectory")
    })
  )

  it.effect("that is in no folder is said to be", () =>
    Effect.gen(function* () {
      const { directory } = yield* place
      const error = yield* Effect.flip(
        Effect.scoped(
          Store.open({ file: `${directory}/none/replay.sqlite`, quotas: {} }, () => undefined)
        )
      )
      assert.strictEqual(error.reason, "Io")
      assert.include(error.message, "see that its folder is there")
    })
  )

  it.effect(
    "is full: nothing acknowledged is lost, what has room still goes in beside what has none",
    () =>
      Effect.gen(function* () {
        const { use } = yield* place
        const long = trajectoryOf("long", { turns: [["look", "é".repeat(400_000)]] })
        const many = Array.from({ length: 60 }, (_, i) => trajectoryOf(`${i}`))
        yield* use({ maxBytes: 300_000 })(
          Effect.gen(function* () {
            // While the many are written the other two come to wait together.
            const [, refused, last] = yield* Effect.all(
              [add(...many), Effect.flip(add(long)), add(trajectoryOf("last"))],
              { concurrency: "unbounded" }
            )
            assert.strictEqual(refused.reason, "DiskFull")
            assert.include(refused.message, "what was acknowledged is kept")
            assert.strictEqual(last, 1)
            assert.deepStrictEqual(yield* snapshot, [...many, trajectoryOf("last")])
          })
        )
        assert.strictEqual(yield* use()(add(long)), 1)
        assert.deepStrictEqual(yield* use()(snapshot), [...many, trajectoryOf("last"), long])
      })
  )
})
