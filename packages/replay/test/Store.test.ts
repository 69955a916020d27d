/** Tests of the buffer's database: who may stay, what takes whose place, and what snapshots bring back. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import type * as Kept from "../src/Kept.ts"
import * as Shelf from "../src/Shelf.ts"
import type * as Store from "../src/store/Store.ts"
import { trajectoryOf } from "./disk.ts"
import { add, all, coming, dream, kept, place, rejected, runs } from "./storePlace.ts"

describe("what is added", () => {
  it.effect(
    "twice is kept once; the real takes the place of the dream, what was accepted that of what was not",
    () =>
      Effect.gen(function* () {
        const { open } = yield* place
        const store = yield* open()
        const changes = yield* add(store, rejected("a"), dream("a"), dream("a"), trajectoryOf("a"))
        assert.deepStrictEqual(numbersOf(changes), [
          [1, []],
          [2, [1]],
          [undefined, []],
          [3, [2]]
        ])
        const worse = [dream("a"), rejected("a"), rejected("a", true)]
        assert.deepStrictEqual(
          yield* add(store, ...worse),
          worse.map(() => ({ evicted: [] }))
        )
        assert.deepStrictEqual(yield* all(store), [trajectoryOf("a")])
      })
  )

  it.effect(
    "becomes exactly what a run goes on from, and what stays in its place is not written again",
    () =>
      Effect.gen(function* () {
        const { sql, use } = yield* place
        const [a, b, c, d] = [trajectoryOf("a"), dream("b"), dream("c"), dream("d")] as const
        const seqs = () => sql("select seq, task_id as id from trajectory order by seq")
        yield* use((store) => add(store, a, b, c))
        yield* use((store) => store.replace(coming([a, b, d])))
        assert.deepStrictEqual(yield* use(all), [a, b, d])
        const stayed = [
          { seq: 1, id: "a" },
          { seq: 2, id: "b" }
        ]
        assert.deepStrictEqual(seqs(), [...stayed, { seq: 4, id: "d" }])
        const again = [a, { ...b, id: "the same, dreamt again" }]
        yield* use((store) => store.replace(coming(again)))
        assert.deepStrictEqual(yield* use(all), again)
        const verdict = { _tag: "Accepted" as const, scores: {} }
        const judged = again.map((one) => ({ ...one, verdict, iteration: 1 }))
        yield* use((store) => store.replace(coming(judged)))
        assert.deepStrictEqual(yield* use(all), judged)
      })
  )

  it.effect("is known by when it came, and every snapshot by what it holds", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const store = yield* open()
      assert.deepStrictEqual(yield* store.dates, { snapshots: [] })
      yield* TestClock.setTime(1000)
      yield* add(store, trajectoryOf("a"), trajectoryOf("b"))
      yield* TestClock.setTime(3000)
      const version = yield* store.snapshot
      yield* add(store, trajectoryOf("c"))
      assert.deepStrictEqual(yield* store.dates, {
        added: { first: 1000, last: 3000 },
        snapshots: [{ version, trajectories: 2, takenAt: 3000 }]
      })
    })
  )

  it.effect("has the priority that was set last, also when it is opened again", () =>
    Effect.gen(function* () {
      const { open, use } = yield* place
      const heard: Array<Kept.Change> = []
      const priorities = (store: Store.Store) =>
        Effect.succeed(store.entries().map(({ priority, seq }) => [seq, priority]))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open({}, (change) => heard.push(change))
          yield* add(store, dream("a"), dream("b"), dream("c"))
          heard.length = 0
          const set = [1, 3, 99, 1].map((seq, i) => ({ seq, priority: -0.1 * i }))
          yield* store.prioritise(set)
          const prioritised = set.filter(({ seq }) => seq < 99)
          assert.deepStrictEqual(heard, [{ evicted: [], prioritised }])
        })
      )
      const set = [
        [1, -0.1 * 3],
        [2, 1],
        [3, -0.1]
      ]
      assert.deepStrictEqual(yield* use(priorities), set)
      yield* use((store) => store.replace(coming([dream("a"), dream("b"), dream("c")])))
      assert.deepStrictEqual(
        yield* use(priorities),
        set.map(([seq]) => [seq, 1])
      )
    })
  )
})

/** One of few contents, so that it comes again: dreamt, real or rejected, of few qualities. */
const one = fc
  .record({
    id: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    isReal: fc.boolean(),
    isRejected: fc.boolean(),
    policyVersion: fc.nat({ max: 2 })
  })
  .map(({ id, isReal, isRejected, policyVersion }) => ({
    ...(isRejected ? rejected(id, isReal) : trajectoryOf(id, { isReal })),
    policyVersion
  }))
const bound = fc.nat({ max: 4 })
const quotas: fc.Arbitrary<Kept.Quotas> = fc.record(
  { all: bound, real: bound, synthetic: bound, rejected: bound },
  { requiredKeys: [] }
)
const which = fc.nat({ max: 3 })
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(one, { maxLength: 4 })
      .map((list) => (at: World) => Effect.map(add(at.store, ...list), numbersOf))
  },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.record({ seq: fc.nat({ max: 12 }), priority: fc.integer() }), { maxLength: 3 })
      .map((list) => (at: World) => at.store.prioritise(list))
  },
  fc.constant((at: World) =>
    Effect.map(at.store.snapshot, (version) => void at.versions.push(version))
  ),
  which.map((i) => (at: World) => at.store.restore(at.versions.at(-i) ?? 99)),
  which.map((i) => (at: World) => at.store.release(at.versions.at(-i) ?? 99))
)

const numbersOf = (changes: ReadonlyArray<Kept.Change>) =>
  changes.map(({ evicted, inserted }) => [inserted?.seq, evicted.map(({ seq }) => seq)])

/** What keeps, the snapshots it ever took, and what is known of it by what it told. */
interface World {
  readonly store: Kept.Kept
  readonly versions: Array<number>
  readonly told: Map<number, Kept.Entry>
}

const follow =
  (told: World["told"]) =>
  ({ evicted, inserted, prioritised = [] }: Kept.Change): void => {
    if (inserted !== undefined) told.set(inserted.seq, inserted)
    for (const { seq } of evicted) told.delete(seq)
    for (const { priority, seq } of prioritised) {
      const entry = told.get(seq)
      if (entry !== undefined) told.set(seq, { ...entry, priority })
    }
  }

/** All that can be seen after a step. */
const after = Effect.fnUntraced(function* (
  at: World,
  taken: (at: World) => Effect.Effect<unknown, { readonly reason: string }>
) {
  const answer = yield* Effect.result(taken(at)).pipe(
    Effect.map(Result.mapError(({ reason }) => reason))
  )
  const byAge = [...at.told.values()].toSorted((x, y) => x.seq - y.seq)
  const entries = at.store.entries().map(({ seq }) => seq)
  return { answer, entries, told: byAge, kept: yield* all(at.store) }
})

describe("a database", () => {
  it.effect("keeps, tells, hides and brings back what the plain rules in memory do", () =>
    runs(
      fc.asyncProperty(quotas, fc.array(step, { minLength: 10, maxLength: 30 }), (bounds, steps) =>
        Effect.gen(function* () {
          const { open, use } = yield* place
          const told = [new Map<number, Kept.Entry>(), new Map<number, Kept.Entry>()] as const
          const memory = { store: Shelf.make(bounds, follow(told[0])), versions: [], told: told[0] }
          yield* Effect.scoped(
            Effect.gen(function* () {
              const store = yield* open({ quotas: bounds }, follow(told[1]))
              const disk = { store, versions: [], told: told[1] }
              for (const taken of steps) {
                assert.deepStrictEqual(yield* after(disk, taken), yield* after(memory, taken))
              }
              assert.deepStrictEqual(yield* store.verify, [])
            })
          )
          const read = yield* use((store) => Effect.succeed(store.entries()))
          assert.deepStrictEqual(read, (yield* after(memory, () => Effect.void)).told)
        }).pipe(Effect.scoped, Effect.runPromise)
      ),
      60
    )
  )

  it.effect("lets the worst go first, then the oldest, and tells of it in its record", () =>
    Effect.gen(function* () {
      const { sql, use } = yield* place
      const of = (id: string, isReal: boolean, policyVersion: number) =>
        trajectoryOf(id, { isReal, policyVersion })
      const bounds = { real: 2, synthetic: 2, rejected: 1 }
      const first = [of("a", true, 1), of("b", false, 2), of("c", false, 1), of("d", false, 1)]
      yield* use((store) => add(store, ...first, of("e", true, 1)), { quotas: bounds })
      assert.deepStrictEqual(yield* use(kept), ["a", "b", "d", "e"])
      const more = [of("f", false, 9), of("g", true, 0), rejected("h"), rejected("i", true)]
      yield* use((store) => add(store, ...more), { quotas: bounds })
      assert.deepStrictEqual(yield* use(kept), ["a", "b", "e", "f", "i"])
      assert.deepStrictEqual(
        sql("select kind, subject from event order by seq"),
        [3, 4, 7, 8].map((subject) => ({ kind: "evicted", subject }))
      )
      assert.deepStrictEqual(sql("select count(*) as n from step"), [{ n: 5 }])
    })
  )
})

describe("a snapshot", () => {
  it.effect("is there when the database is opened again, and frees its room when released", () =>
    Effect.gen(function* () {
      const { sql, use } = yield* place
      const count = () => sql("select count(*) as n from trajectory")[0]?.["n"]
      const bounds = { quotas: { synthetic: 2 } }
      const version = yield* use(
        (store) =>
          Effect.gen(function* () {
            yield* add(store, dream("a"), dream("b"))
            const taken = yield* store.snapshot
            yield* add(store, dream("c"), dream("d"))
            return taken
          }),
        bounds
      )
      assert.strictEqual(count(), 4)
      yield* use((store) => store.restore(version), bounds)
      assert.deepStrictEqual(yield* use(kept), ["a", "b"])
      yield* use((store) => Effect.andThen(add(store, dream("e")), store.release(version)), bounds)
      assert.deepStrictEqual(yield* use(kept), ["b", "e"])
      assert.strictEqual(count(), 2)
      const error = yield* Effect.flip(use((store) => store.restore(version)))
      assert.strictEqual(error.reason, "NoSnapshot")
      assert.include(error.message, `has no snapshot ${version}; it was released`)
    })
  )
})
