/** Tests of search in the database: pgvector finds what memory finds, for all who write there. */
import { ReplayBuffer as Contract } from "@dreamgym/domain"
import { Law, ReplayBufferLaws } from "@dreamgym/laws"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as fc from "fast-check"
import type * as PostgresExtension from "../../src/postgres/PostgresExtension.ts"
import { Postgres, ReplayBuffer } from "../../src/index.ts"
import type { Query } from "../../src/retrieval/VectorIndex.ts"
import { trajectoryOf } from "../disk.ts"
import { add, dream } from "../storePlace.ts"
import { startPglite } from "./pglite.ts"
import {
  adding,
  anyTrajectory,
  asking,
  bruteForce,
  byTask,
  counted,
  crowd,
  dimension,
  episode,
  filters,
  gaussian,
  near,
  placesOf,
  question,
  readAll,
  seeded,
  tableIn,
  told
} from "./searching.ts"
import { newSchema, sql as outside, startServer } from "./server.ts"

/** A database with pgvector. */
interface Database {
  readonly url: Postgres.Place["url"]
  readonly sql: (text: string) => Promise<ReadonlyArray<object>>
}

const suite = ({ sql, url }: Database) => {
  const used: Array<string> = []
  const schema = Effect.acquireRelease(
    Effect.promise(async () => {
      const free = used.pop()
      if (free === undefined) return newSchema()
      const tables = ["trajectory", "snapshot", "former_priority", "event", "embedding"]
      await sql(tables.map((table) => `delete from ${free}.${table};`).join(""))
      await sql(`update ${free}.store set horizon = 0`)
      return free
    }),
    (name) => Effect.sync(() => void used.push(name))
  )
  const place = Effect.map(schema, (name) => ({
    open: (options: Partial<Postgres.Options> = {}) =>
      Postgres.open({ url, schema: name, ...options }, () => undefined),
    layer: (options: ReplayBuffer.Options) =>
      Postgres.layerPostgres({ url, schema: name, ...options }),
    sql: (text: string) => Effect.promise(() => sql(text.replaceAll("@", name)))
  }))

  it.effect("what is found is what memory finds, whatever is asked", () =>
    Effect.gen(function* () {
      const { layer, sql: ask } = yield* place
      const embedder = counted()
      const inDatabase = yield* Layer.build(layer({ embedder, quality: byTask }))
      const inMemory = yield* Layer.build(ReplayBuffer.layerMemory({ embedder, quality: byTask }))
      for (const context of [inDatabase, inMemory]) {
        yield* Effect.provide(adding(...crowd), context)
      }
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.array(anyTrajectory, { maxLength: 8 }),
            fc.array(question),
            (list, queries) =>
              Effect.gen(function* () {
                const answers = yield* Effect.forEach([inDatabase, inMemory], (context) =>
                  Contract.ReplayBuffer.use((buffer) =>
                    Effect.gen(function* () {
                      yield* buffer.add(list)
                      const asked = queries.map((query) => buffer.similar(query))
                      return yield* Effect.all(asked, { concurrency: "unbounded" })
                    })
                  ).pipe(Effect.provide(context))
                )
                const [here, there] = answers.map((lists) => lists.map((found) => found.map(told)))
                assert.deepStrictEqual(here, there)
              }).pipe(Effect.runPromise)
          ),
          { numRuns: 40, seed: 5 }
        )
      )
      const [{ n }] = (yield* ask(
        `select count(*)::int as n from ${yield* tableIn(ask)}`
      )) as unknown as [{ n: number }]
      assert.isAbove(n, 400)
    }).pipe(Effect.scoped)
  )

  it.effect("what one process embedded the others find without embedding it again", () =>
    Effect.gen(function* () {
      const { layer } = yield* place
      const [first, second] = [counted(), counted()]
      const one = yield* Layer.build(layer({ embedder: first }))
      const other = yield* Layer.build(layer({ embedder: second }))
      yield* Effect.provide(adding(dream("a"), trajectoryOf("b")), one)
      const answers = yield* Effect.forEach([one, other, one], (context) =>
        Effect.provide(asking("a room"), context)
      )
      assert.deepStrictEqual(
        answers,
        [
          ["a", "b"],
          ["a", "b"],
          ["a", "b"]
        ].map((list) => list.toSorted())
      )
      assert.deepStrictEqual([first.texts(), second.texts()], [4, 1])
    }).pipe(Effect.scoped)
  )

  it.effect("vectors that went for those of another embedder are made again", () =>
    Effect.gen(function* () {
      const { layer, sql: ask } = yield* place
      const one = yield* Layer.build(layer({ embedder: counted() }))
      const other = yield* Layer.build(layer({ embedder: { ...counted(5), name: "another" } }))
      yield* Effect.provide(adding(dream("a"), dream("b")), one)
      for (const context of [one, other, one, one, other]) {
        assert.deepStrictEqual(yield* Effect.provide(asking("a room"), context), ["a", "b"])
      }
      assert.deepStrictEqual(yield* ask("select dimension::int as d from @.vector_space"), [
        { d: 5 }
      ])
      const third = yield* Layer.build(layer({ embedder: { ...counted(5), name: "another" } }))
      yield* Effect.provide(adding(dream("c")), one)
      yield* Effect.provide(asking("a room"), one)
      // The table of the second is not the one that it was, though it has the same space.
      yield* Effect.provide(asking("a room"), third)
      yield* ask(`delete from ${yield* tableIn(ask)}`)
      yield* Effect.provide(adding(dream("d")), other)
      assert.deepStrictEqual(yield* Effect.provide(asking("a room"), other), ["a", "b", "c", "d"])
    }).pipe(Effect.scoped)
  )

  it.effect("vectors from before pgvector was there are taken, not made again", () =>
    Effect.gen(function* () {
      const { layer, sql: ask } = yield* place
      const embedder = counted()
      const context = yield* Layer.build(layer({ embedder }))
      yield* Effect.provide(adding(dream("a"), dream("b")), context)
      yield* ask(`insert into @.embedding select seq, '${embedder.name}', ${embedder.dimension},
        decode(repeat('0000803f', ${embedder.dimension}), 'hex') from @.trajectory`)
      yield* ask("delete from @.vector_space")
      assert.deepStrictEqual(yield* Effect.provide(asking("a room"), context), ["a", "b"])
      assert.strictEqual(embedder.texts(), 1)
      assert.deepStrictEqual(yield* ask("select * from @.embedding"), [])
    }).pipe(Effect.scoped)
  )

  it.effect("vectors stay with their trajectories, also while only a snapshot holds them", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const kept = yield* open({ quotas: { all: 2 } })
      yield* add(kept, dream("a"), dream("b"))
      const space = { embedder: "odd \u0000 name", dimension: 3 }
      const [a, b] = kept
        .entries()
        .map(({ seq }) => ({ seq, vectors: Float32Array.of(seq, -1 / 3, 0) }))
      assert.isDefined(a)
      assert.isDefined(b)
      yield* kept.vectors!.write(space, [b, a, { seq: 1_000_000, vectors: new Float32Array(3) }])
      assert.deepStrictEqual(yield* readAll(kept, space), [a, b])
      const version = yield* kept.snapshot
      yield* add(kept, dream("c"))
      assert.deepStrictEqual(yield* readAll(kept, space), [b])
      yield* kept.restore(version)
      assert.deepStrictEqual(yield* readAll(kept, space), [a, b])
      const found = yield* near(kept, space, [{ vector: b.vectors, k: 5 }])
      assert.deepStrictEqual(
        found[0]?.map(({ index, seq }) => [seq, index]),
        [
          [b.seq, 0],
          [a.seq, 0]
        ]
      )
      const misfit = yield* Effect.flip(
        kept.vectors!.write(space, [{ ...b, vectors: new Float32Array(4) }])
      )
      assert.deepStrictEqual([misfit.reason, misfit.message.includes("odd")], ["Embedding", true])
    }).pipe(Effect.scoped)
  )

  it.effect("of 2,000 in clusters the 8 nearest are found, all exactly and most by the graph", () =>
    Effect.gen(function* () {
      const { open, sql: ask } = yield* place
      const exact = yield* open()
      const random = seeded(7)
      const centres = Array.from({ length: 40 }, () => gaussian(random, dimension))
      const around = () => {
        const centre = centres[Math.floor(random() * centres.length)] ?? []
        return Float32Array.from(gaussian(random, dimension), (x, d) => 0.4 * x + (centre[d] ?? 0))
      }
      yield* add(exact, ...Array.from({ length: 200 }, (_, i) => episode(i)))
      const entries = exact.entries()
      const space = { embedder: "clusters", dimension }
      const rows = entries.map(({ seq, syntheticSteps, realSteps }) =>
        Array.from({ length: syntheticSteps + realSteps }, (_, index) => ({
          seq,
          index,
          vector: around()
        }))
      )
      const all = rows.flat()
      yield* exact.vectors!.write(
        space,
        rows.map((list) => ({
          seq: list[0]?.seq ?? 0,
          vectors: Float32Array.from(list.flatMap(({ vector }) => [...vector]))
        }))
      )
      const queries = Array.from({ length: 32 }, (_, i): Query => ({
        vector: around(),
        k: 8,
        ...filters[i % 4]
      }))
      const bySeq = new Map(entries.map((entry) => [entry.seq, entry]))
      const truth = queries.map((query) => bruteForce(query, all, bySeq))
      assert.deepStrictEqual((yield* near(exact, space, queries)).map(placesOf), truth)
      // A server does that by itself, a moment later.
      yield* ask("analyze")
      const recallOf = (hnsw: PostgresExtension.Hnsw) =>
        Effect.gen(function* () {
          const nearly = yield* open({ hnsw })
          const found = yield* Effect.forEach(queries, (query) => near(nearly, space, [query]))
          const lists = found.map(([list = []]) => placesOf(list))
          assert.isTrue(lists.every((list) => list.length === 8))
          const hits = truth.map((list, i) => list.filter((one) => lists[i]?.includes(one)).length)
          return hits.reduce((sum, n) => sum + n, 0) / truth.flat().length
        })
      // A poor graph, drawn by chance: who looks far finds most of them.
      const recall = yield* recallOf({ m: 4, efConstruction: 8, efSearch: 200 })
      // That some are missed by one who hardly looks shows that it is the graph that answers.
      const least = yield* recallOf({ m: 4, efConstruction: 8, efSearch: 1 })
      assert.isAtLeast(recall, 0.7)
      assert.isBelow(least, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("a graph that cannot be had is refused", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const refused = yield* Effect.flip(open({ hnsw: { m: 1 } }))
      assert.deepStrictEqual(
        [refused.reason, refused.message.includes("2 to 100")],
        ["BadRequest", true]
      )
      const kept = yield* open({ hnsw: {} })
      const long = yield* Effect.flip(
        kept.vectors!.search!({ embedder: "long", dimension: 2001 })!.known([])
      )
      assert.deepStrictEqual([long.reason, long.message.includes("2001")], ["BadRequest", true])
    }).pipe(Effect.scoped)
  )

  const laws = (options: ReplayBuffer.Options) =>
    Effect.map(place, ({ layer }) => layer({ keepVectors: true, ...options }))
  const suiteOfLaws = ReplayBufferLaws.replayBufferLaws({
    name: "the buffer in PostgreSQL with pgvector",
    runs: 3,
    buffer: (setting) => Layer.unwrap(laws(setting)),
    durable: laws,
    embedded: (embedder) => Layer.unwrap(laws({ embedder }))
  })
  // How often each is drawn has nothing to do with where vectors are.
  const isAboutDraws = ({ name }: Law.Law) => name.startsWith("by ")
  Law.describeLaws(
    { describe, it },
    { ...suiteOfLaws, laws: suiteOfLaws.laws.filter((one) => !isAboutDraws(one)) }
  )
}

const pglite = await startPglite()
afterAll(pglite.stop)
describe("search by pgvector", () => suite({ url: pglite.connection, sql: pglite.sql }))

const given = process.env["DREAMGYM_TEST_PG_URL"]
if (given !== undefined) {
  const run = (text: string) => Effect.runPromise(outside(given, text))
  const available = await run("select 1 from pg_available_extensions where name = 'vector'")
  const server = await startServer(false)
  if (typeof server === "string" || available.length === 0) {
    it.skip("the server of DREAMGYM_TEST_PG_URL has no pgvector")
  } else {
    afterAll(server.remove)
    describe("search by pgvector on a server", () => suite({ url: Redacted.make(given), sql: run }))
  }
}
