/** Tests of a buffer in PostgreSQL: what one process does the others know, and what goes wrong is said. */
import { ReplayBuffer } from "@dreamgym/domain"
import { NastyArbitraries } from "@dreamgym/laws"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fc from "fast-check"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type * as Kept from "../../src/Kept.ts"
import * as Postgres from "../../src/postgres/Postgres.ts"
import { trajectoryOf } from "../disk.ts"
import { add, byVersion, coming, dream, rejected } from "../storePlace.ts"
import { all, follower, place } from "./place.ts"
import { startServer } from "./server.ts"

const server = await startServer(false)

const ids = (kept: Kept.Kept) => kept.entries().map(({ task }) => task)
const learn = ({ refresh = Effect.void }: Kept.Kept) => refresh

type Step = (kept: Kept.Kept, taken: Array<number>) => Effect.Effect<unknown, unknown>

const cast = ["a", "b", "c", "d", "e", "f"].flatMap((id, i) => [
  { ...trajectoryOf(id), policyVersion: i % 3 },
  { ...dream(id), policyVersion: i % 2 },
  rejected(id)
])

/** What a process may do; the numbers choose of what is there. */
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.subarray(cast, { minLength: 1, maxLength: 4 }).map(
    (list): Step =>
      (kept) =>
        add(kept, ...list)
  ),
  fc.tuple(fc.nat(20), fc.integer({ min: 0, max: 9 })).map(([at, priority]): Step => (kept) => {
    const entry = kept.entries()[at % Math.max(1, kept.entries().length)]
    return entry === undefined ? Effect.void : kept.prioritise([{ seq: entry.seq, priority }])
  }),
  fc.constant<Step>((kept, taken) => Effect.map(kept.snapshot, (version) => taken.push(version))),
  fc.nat(5).map((at): Step => (kept, taken) => {
    const version = taken[at % Math.max(1, taken.length)]
    return version === undefined ? Effect.void : Effect.ignore(kept.restore(version))
  }),
  fc.nat(5).map((at): Step => (kept, taken) => {
    const version = taken[at % Math.max(1, taken.length)]
    return version === undefined ? Effect.void : Effect.ignore(kept.release(version))
  }),
  fc.subarray(cast, { maxLength: 4 }).map((list): Step => (kept) => {
    const contents = new Map(coming(list).map((one) => [one.fingerprint, one]))
    return kept.replace([...contents.values()])
  })
)

const suite = (url: string) => {
  it.effect("what one process does, the others know when they ask", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), step), { maxLength: 12 }), (steps) =>
          Effect.gen(function* () {
            const { open } = yield* place(url)
            const quotas = { all: 5, rejected: 2 }
            const followers = [follower(), follower()] as const
            const one = yield* open({ quotas }, followers[0].changed)
            const other = yield* open({ quotas, cached: 1 }, followers[1].changed)
            const taken: Array<number> = []
            for (const [isOne, run] of steps) yield* run(isOne ? one : other, taken)
            yield* Effect.all([learn(one), learn(other), learn(one)], { concurrency: 3 })
            const fresh = yield* open({ quotas })
            const priorities = fresh.entries().map(({ priority, seq }) => [seq, priority] as const)
            for (const [i, kept] of [one, other].entries()) {
              assert.deepStrictEqual(followers[i]?.known(), priorities)
              assert.deepStrictEqual(ids(kept), ids(fresh))
              assert.deepStrictEqual(yield* all(kept), yield* all(fresh))
            }
          }).pipe(Effect.scoped, Effect.runPromise)
        ),
        { numRuns: 20, seed: 3 }
      )
    )
  )

  it.effect("two that add the same at once keep it once, and as many as the quotas allow", () =>
    Effect.gen(function* () {
      const { open, sql } = yield* place(url)
      const quotas = { synthetic: 7 }
      const [one, other] = [yield* open({ quotas }), yield* open({ quotas })]
      const dreams = Array.from({ length: 12 }, (_, i) => ({ ...dream(`d${i}`), policyVersion: i }))
      const both = [one, other].flatMap((kept) => dreams.map((list) => add(kept, list)))
      const changes = (yield* Effect.all(both, { concurrency: "unbounded" })).flat()
      // One that was evicted may come again, and is evicted again.
      assert.isAtLeast(changes.filter(({ inserted }) => inserted !== undefined).length, 12)
      yield* learn(one)
      assert.deepStrictEqual(
        ids(one).toSorted(),
        dreams
          .slice(5)
          .map(({ task }) => task.id)
          .toSorted()
      )
      assert.deepStrictEqual(yield* sql("select count(*)::int as n from @.trajectory"), [{ n: 7 }])
    }).pipe(Effect.scoped)
  )

  it.effect("what comes while another addition is written is committed together", () =>
    Effect.gen(function* () {
      const { open, sql } = yield* place(url)
      const kept = yield* open()
      const list = Array.from({ length: 100 }, (_, i) => trajectoryOf(`t${i}`))
      yield* Effect.all(
        list.map((one) => add(kept, one)),
        { concurrency: "unbounded" }
      )
      const [{ n }] = (yield* sql(
        "select count(distinct xmin::text)::int as n from @.trajectory"
      )) as unknown as readonly [{ readonly n: number }]
      assert.isAtMost(n, 3)
      assert.lengthOf(kept.entries(), 100)
    }).pipe(Effect.scoped)
  )

  it.effect("a change is told once, also where another fiber asks while it is made", () =>
    Effect.gen(function* () {
      const { open } = yield* place(url)
      const inserted: Array<string> = []
      const kept = yield* open({}, (change) => {
        if (change.inserted !== undefined) inserted.push(change.inserted.task)
      })
      const asking = yield* Effect.forkChild(Effect.forever(learn(kept)))
      const list = Array.from({ length: 30 }, (_, i) => trajectoryOf(`t${i}`))
      const changes = yield* Effect.forEach(list, (one) => add(kept, one))
      yield* Fiber.interrupt(asking)
      assert.deepStrictEqual(inserted, ids(kept))
      assert.deepStrictEqual(
        changes.flat().map((change) => change.inserted?.task),
        inserted
      )
    }).pipe(Effect.scoped)
  )

  it.effect("a snapshot holds what went since, with its priorities, until it is released", () =>
    Effect.gen(function* () {
      const { open, sql } = yield* place(url)
      const told = follower()
      const kept = yield* open({ quotas: { all: 2 } }, told.changed)
      const prioritised = (priority: number) =>
        kept.prioritise(kept.entries().map(({ seq }) => ({ seq, priority })))
      const priorities = () => told.known().map(([, priority]) => priority)
      yield* add(kept, dream("a"), dream("b"))
      yield* prioritised(3)
      const [first, second] = [yield* kept.snapshot, yield* kept.snapshot]
      yield* prioritised(4)
      const third = yield* kept.snapshot
      yield* prioritised(5)
      yield* add(kept, dream("c"), dream("d"))
      assert.deepStrictEqual(ids(kept), ["c", "d"])
      const rows = sql("select count(*)::int as n from @.trajectory")
      assert.deepStrictEqual(yield* rows, [{ n: 4 }])
      yield* kept.release(second)
      assert.deepStrictEqual(yield* rows, [{ n: 4 }])
      yield* kept.restore(third)
      assert.deepStrictEqual(
        [ids(kept), priorities()],
        [
          ["a", "b"],
          [4, 4]
        ]
      )
      yield* kept.restore(first)
      assert.deepStrictEqual(
        [ids(kept), priorities()],
        [
          ["a", "b"],
          [3, 3]
        ]
      )
      assert.strictEqual((yield* Effect.flip(kept.restore(third))).reason, "NoSnapshot")
      yield* add(kept, dream("e"))
      yield* kept.release(first)
      assert.deepStrictEqual(ids(kept), ["b", "e"])
      assert.deepStrictEqual(yield* rows, [{ n: 2 }])
      assert.deepStrictEqual(yield* sql("select * from @.former_priority"), [])
    }).pipe(Effect.scoped)
  )

  it.effect("who asks so seldom that the events are forgotten reads everything anew", () =>
    Effect.gen(function* () {
      const { open, sql } = yield* place(url)
      const told = follower()
      const [one, other] = [yield* open({ quotas: { all: 2 } }), yield* open({}, told.changed)]
      yield* add(one, dream("a"), dream("b"))
      yield* learn(other)
      yield* add(one, dream("c"))
      yield* sql(
        "with gone as (delete from @.event returning seq) update @.store set horizon = (select max(seq) from gone)"
      )
      yield* learn(other)
      assert.deepStrictEqual(ids(other), ["b", "c"])
      assert.deepStrictEqual(
        told.known().map(([seq]) => seq),
        other.entries().map(({ seq }) => seq)
      )
      yield* add(other, trajectoryOf("d"))
      yield* learn(one)
      assert.deepStrictEqual(ids(one), ["b", "c", "d"])
    }).pipe(Effect.scoped)
  )

  it.effect("whatever a trajectory holds comes back to another process as it was", () =>
    Effect.gen(function* () {
      const { open } = yield* place(url)
      const list = fc.sample(NastyArbitraries.trajectory, { numRuns: 60, seed: 5 })
      const one = yield* open()
      yield* one.add(coming(list, byVersion))
      const other = yield* open()
      const [mine, theirs] = [yield* all(one), yield* all(other)]
      assert.deepStrictEqual(withoutMinusZero(theirs), withoutMinusZero(mine))
      assert.deepStrictEqual(other.entries(), one.entries())
    }).pipe(Effect.scoped)
  )

  it.effect("what an older snapshot holds outlives that a later one is restored", () =>
    Effect.gen(function* () {
      const { open } = yield* place(url)
      const store = yield* open()
      const list = coming([trajectoryOf("a"), dream("b"), dream("c")])
      yield* store.replace(list)
      const first = yield* store.snapshot
      yield* store.replace(list.slice(0, 2))
      yield* store.restore(yield* store.snapshot)
      assert.deepStrictEqual(ids(store), ["a", "b"])
      yield* store.restore(first)
      assert.deepStrictEqual(ids(store), ["a", "b", "c"])
    }).pipe(Effect.scoped)
  )

  it.effect("what is replaced by the very same stays as it is, except for its priority", () =>
    Effect.gen(function* () {
      const { open } = yield* place(url)
      const told = follower()
      const [one, other] = [yield* open(), yield* open({}, told.changed)]
      const list = coming([trajectoryOf("a"), dream("b"), dream("c")])
      yield* one.replace(list)
      const [a, b, c] = one.entries()
      yield* one.prioritise(one.entries().map(({ seq }) => ({ seq, priority: 5 })))
      yield* one.replace([...list.slice(0, 2), ...coming([dream("d")])])
      const [d] = one.entries().slice(2)
      assert.deepStrictEqual(one.entries().slice(0, 2), [a, b])
      assert.isAbove(d?.seq ?? 0, c?.seq ?? 0)
      yield* learn(other)
      assert.deepStrictEqual(ids(other), ["a", "b", "d"])
      assert.deepStrictEqual(
        told.known().map(([, priority]) => priority),
        [1, 1, 1]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("an entry that is not kept any more is not read, and that is known then", () =>
    Effect.gen(function* () {
      const { open } = yield* place(url)
      const [one, other] = [yield* open({ quotas: { all: 1 } }), yield* open()]
      yield* add(one, dream("a"))
      yield* learn(other)
      const entries = other.entries()
      yield* add(one, dream("b"))
      assert.isUndefined(yield* other.read(entries))
      assert.deepStrictEqual(ids(other), ["b"])
    }).pipe(Effect.scoped)
  )

  it.effect(
    "opened to hold exactly some trajectories it holds them, in their order, and nothing else",
    () =>
      Effect.gen(function* () {
        const { open, schema } = yield* place(url)
        yield* Effect.scoped(Effect.flatMap(open(), (kept) => add(kept, dream("a"), dream("b"))))
        const exactly = [trajectoryOf("c"), dream("a"), dream("d")]
        const layer = Postgres.layerPostgres({
          url: Redacted.make(url),
          schema,
          exactly,
          capacity: 2
        })
        const found = Stream.runCollect(
          Stream.unwrap(ReplayBuffer.ReplayBuffer.use((it) => Effect.succeed(it.trajectories())))
        )
        assert.deepStrictEqual(yield* Effect.provide(found, layer), [exactly[0], exactly[2]])
        const held = Postgres.layerPostgres({
          url: Redacted.make(url),
          schema,
          exactly,
          evaluation: ({ id }) => id === "c"
        })
        assert.strictEqual(
          (yield* Effect.flip(Effect.provide(found, held))).reason,
          "EvaluationData"
        )
      }).pipe(Effect.scoped)
  )

  it.effect("vectors stay with their trajectories, of one space only", () =>
    Effect.gen(function* () {
      const { open, sql } = yield* place(url)
      const kept = yield* open({ quotas: { all: 2 } })
      yield* add(kept, dream("a"), dream("b"))
      const space = { embedder: "odd \u0000 name", dimension: 2 }
      const [a, b] = kept.entries().map(({ seq, syntheticSteps }) => ({
        seq,
        vectors: Float32Array.from({ length: syntheticSteps * 2 }, (_, i) => seq + i / 3)
      }))
      assert.isDefined(a)
      assert.isDefined(b)
      const found = (of: Kept.Space) =>
        Effect.gen(function* () {
          const list: Array<Kept.Embedded> = []
          yield* (yield* open()).vectors!.read(of, (some) =>
            Effect.sync(() => void list.push(...some))
          )
          return list
        })
      yield* kept.vectors!.write(space, [b, a, { seq: 1_000_000, vectors: new Float32Array(3) }])
      assert.deepStrictEqual(yield* found(space), [a, b])
      yield* kept.snapshot
      yield* add(kept, dream("c"))
      assert.deepStrictEqual(yield* found(space), [b])
      const misfit = yield* Effect.flip(
        kept.vectors!.write(space, [{ ...b, vectors: new Float32Array(3) }])
      )
      assert.strictEqual(misfit.reason, "Embedding")
      assert.include(misfit.message, "odd")
      const [c] = kept.entries().slice(1)
      const ofC = { seq: c?.seq ?? 0, vectors: new Float32Array(3) }
      yield* kept.vectors!.write({ ...space, dimension: 3 }, [ofC])
      assert.deepStrictEqual(yield* sql("select dimension::int as d from @.embedding"), [{ d: 3 }])
      assert.deepStrictEqual(yield* found(space), [])
      yield* sql("update @.embedding set vectors = vectors || '\\x00'")
      const torn = yield* Effect.flip(found({ ...space, dimension: 3 }))
      assert.deepStrictEqual([torn.reason, torn.message.includes("3.25")], ["Embedding", true])
    }).pipe(Effect.scoped)
  )
}

/** The same but for -0, which JSON does not know. */
const withoutMinusZero = (value: unknown): unknown => {
  if (value === 0) return 0
  if (Array.isArray(value)) return value.map(withoutMinusZero)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutMinusZero(one)]))
}

if (typeof server === "string") {
  process.stderr.write(`PostgreSQL tests are skipped: ${server}\n`)
  it.skip(server)
} else {
  afterAll(server.remove)
  describe("a buffer in PostgreSQL", () => suite(server.url))
}
