/** Tests of the buffer in a database: what it holds, and what it brings back. */
import type { Trajectory } from "@dreamgym/domain"
import { Arbitraries } from "@dreamgym/laws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"
import { ReplayBuffer } from "../src/index.ts"
import * as Kept from "../src/Kept.ts"
import * as Store from "../src/store/Store.ts"
import { dream, place, runs } from "./database.ts"
import { add, disk, idsOf, snapshot, trajectoryOf } from "./disk.ts"

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
      const again = [a, { ...b, id: "the same, dreamt again" }]
      assert.deepStrictEqual(yield* use({ exactly: again })(snapshot), again)
      assert.deepStrictEqual(yield* use()(snapshot), again)
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
    list.map((one) => Kept.comingOf(one, quality))
  const open = (file: string) => Store.open({ file, quotas: { synthetic: 3 } }, () => undefined)
  const kept = (store: Store.Store) =>
    Effect.map(store.read(store.entries()), (list) => idsOf(list ?? []))

  it.effect("brings back what was evicted since, and takes away what came since", () =>
    Effect.gen(function* () {
      const { file, sql } = yield* place
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open(file)
          yield* store.add(entries(dream("a"), dream("b"), trajectoryOf("r")))
          const first = yield* store.snapshot
          yield* store.add(entries(dream("c"), dream("d"), trajectoryOf("a")))
          assert.deepStrictEqual(yield* kept(store), ["b", "r", "c", "d", "a"])
          const second = yield* store.snapshot
          yield* store.add(entries(dream("e"), dream("f"), dream("g")))
          assert.deepStrictEqual(yield* kept(store), ["r", "a", "e", "f", "g"])
          yield* store.restore(second)
          assert.deepStrictEqual(yield* kept(store), ["b", "r", "c", "d", "a"])
          yield* store.restore(first)
          assert.deepStrictEqual(yield* kept(store), ["a", "b", "r"])
          const error = yield* Effect.flip(store.restore(second))
          assert.include(error.message, `has no snapshot ${second}`)
          assert.deepStrictEqual(yield* store.verify, [])
        })
      )
      const again = yield* Effect.scoped(Effect.flatMap(open(file), kept))
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
              known.push([yield* store.snapshot, yield* kept(store)])
            } else {
              const [version, list] = known[one.which] ?? []
              if (version === undefined) continue
              yield* store[one.kind](version)
              if (one.kind === "restore") assert.deepStrictEqual(yield* kept(store), list)
              known = known.filter(([other]) =>
                one.kind === "restore" ? other <= version : other !== version
              )
            }
          }
          const [version, list] = known[0] ?? []
          if (version === undefined) return
          yield* store.restore(version)
          assert.deepStrictEqual(yield* kept(store), list)
        }).pipe(Effect.scoped, Effect.runPromise)
      ),
      40
    )
  })
})
