/** Tests of what goes wrong with a PostgreSQL server: each is said, with the place and the remedy, and nothing acknowledged is lost. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import { failureOf } from "../../src/postgres/PostgresFailure.ts"
import * as Postgres from "../../src/postgres/Postgres.ts"
import { trajectoryOf } from "../disk.ts"
import { add, dream } from "../storePlace.ts"
import { all, place } from "./place.ts"
import { newSchema, sql, startServer, type TestServer } from "./server.ts"

const server = await startServer(false)

const opening = (options: Postgres.Options) =>
  Effect.scoped(Effect.flip(Postgres.open(options, () => undefined)))

describe("an address", () => {
  it.live("where no server is is said with host and database, and without the password", () =>
    Effect.gen(function* () {
      const url = Redacted.make("postgresql://me:s3cret@127.0.0.1:1/experience")
      const error = yield* opening({ url })
      assert.strictEqual(error.reason, "Io")
      assert.include(error.message, "postgresql://127.0.0.1:1/experience")
      assert.include(error.message, "cannot be reached")
      assert.notInclude(JSON.stringify(error) + String(error.stack), "s3cret")
    })
  )

  it.live("that is no URL is refused, and not repeated", () =>
    Effect.gen(function* () {
      for (const text of ["me:s3cret@nowhere", "https://me:s3cret@host/x", "postgresql://["]) {
        const error = yield* opening({ url: Redacted.make(text) })
        assert.strictEqual(error.reason, "BadRequest")
        assert.notInclude(JSON.stringify(error) + String(error.stack), "s3cret")
      }
    })
  )
})

describe("what a server says", () => {
  const said = (code: string) =>
    failureOf(
      "here",
      new SqlError({
        reason: new UnknownError({ cause: Object.assign(new Error("its words"), { code }) })
      })
    )

  it("is a full disk, damage or a loss by its code, and else a failure of the database", () => {
    const reasons = [
      "53100",
      "53200",
      "XX001",
      "42P01",
      "42501",
      "55P03",
      "57P01",
      "08006",
      "22012"
    ]
    assert.deepStrictEqual(
      reasons.map((code) => said(code).reason),
      ["DiskFull", "Io", "Corrupt", "Corrupt", "Io", "Locked", "Io", "Io", "Io"]
    )
    assert.strictEqual(
      said("53100").message,
      "here: there is no room to write; what was acknowledged is kept: make room and go on (its words, 53100)"
    )
  })
})

const suite = ({ directory, url }: TestServer) => {
  // A server of someone else may trust everybody.
  it.live.skipIf(directory === undefined)("a wrong password is said, and not repeated", () =>
    Effect.gen(function* () {
      const wrong = new URL(url)
      wrong.password = "s3cret"
      const error = yield* opening({ url: Redacted.make(wrong.href) })
      assert.strictEqual(error.reason, "Io")
      assert.include(error.message, "refused the user name or the password")
      assert.notInclude(JSON.stringify(error) + String(error.stack), "s3cret")
    })
  )

  it.live("a database that is not there, or in another encoding, is said", () =>
    Effect.gen(function* () {
      const missing = new URL(url)
      missing.pathname = "/nowhere"
      const error = yield* opening({ url: Redacted.make(missing.href) })
      assert.deepStrictEqual([error.reason, /no such database/.test(error.message)], ["Io", true])
      const latin = newSchema()
      yield* sql(url, `create database ${latin} encoding 'LATIN1' locale 'C' template template0`)
      missing.pathname = `/${latin}`
      const other = yield* opening({ url: Redacted.make(missing.href) })
      assert.deepStrictEqual([other.reason, /LATIN1/.test(other.message)], ["Io", true])
      yield* sql(url, `drop database ${latin} with (force)`)
    })
  )

  it.live(
    "a schema of a newer program, of another one, or without a proper name is refused; an older one is brought on",
    () =>
      Effect.gen(function* () {
        const { open, schema, sql: ask } = yield* place(url)
        yield* Effect.scoped(open())
        yield* ask("update @.store set version = 99")
        const newer = yield* opening({ url: Redacted.make(url), schema })
        assert.deepStrictEqual(
          [newer.reason, /version 99/.test(newer.message)],
          ["NewerVersion", true]
        )
        yield* ask("update @.store set program = 'another', version = 1")
        assert.strictEqual((yield* opening({ url: Redacted.make(url), schema })).reason, "Corrupt")
        yield* ask("update @.store set program = 'dreamgym'")
        yield* ask("drop table @.vector_space")
        yield* Effect.scoped(open())
        assert.deepStrictEqual(yield* ask("select version from @.store, @.vector_space"), [])
        assert.deepStrictEqual(yield* ask("select version::int as version from @.store"), [
          { version: 2 }
        ])
        const others = newSchema()
        yield* sql(url, `create schema ${others}`)
        yield* sql(url, `create table ${others}.step (theirs text)`)
        const foreign = yield* opening({ url: Redacted.make(url), schema: others })
        assert.deepStrictEqual(
          [foreign.reason, /another program/.test(foreign.message)],
          ["Corrupt", true]
        )
        assert.deepStrictEqual(yield* sql(url, `select * from ${others}.step`), [])
        for (const name of ["", "pg_mine", 'a"b', "A"]) {
          const bad = yield* opening({ url: Redacted.make(url), schema: name })
          assert.strictEqual(bad.reason, "BadRequest")
        }
      }).pipe(Effect.scoped)
  )

  it.live("many that open a new schema at once all find it whole", () =>
    Effect.gen(function* () {
      const options = { url: Redacted.make(url), schema: newSchema() }
      const opens = Array.from({ length: 5 }, () => Postgres.open(options, () => undefined))
      const [one] = yield* Effect.all(opens, { concurrency: 5 })
      assert.isDefined(one)
      if (one !== undefined) yield* add(one, dream("a"))
    }).pipe(Effect.scoped)
  )

  it.live("a row that is not whole, or none of ours, is damage, and is named", () =>
    Effect.gen(function* () {
      const { open, sql: ask } = yield* place(url, true)
      const kept = yield* open({ cached: 0 })
      yield* add(kept, dream("a"), trajectoryOf("b"))
      const [a, b] = kept.entries()
      yield* ask(`delete from @.step where trajectory = ${a?.seq}`)
      const torn = yield* Effect.flip(kept.read(kept.entries()))
      assert.deepStrictEqual(
        [torn.reason, torn.message.includes(`row ${a?.seq} `)],
        ["Corrupt", true]
      )
      yield* ask(`delete from @.trajectory where seq = ${a?.seq}`)
      assert.strictEqual((yield* Effect.flip(kept.read(kept.entries()))).reason, "Corrupt")
      yield* ask(`update @.trajectory set task = '{}' where seq = ${b?.seq}`)
      const odd = yield* Effect.flip(kept.read(b === undefined ? [] : [b]))
      assert.deepStrictEqual(
        [odd.reason, odd.message.includes(`row ${b?.seq} `)],
        ["Corrupt", true]
      )
      yield* ask("drop table @.step")
      assert.strictEqual(
        (yield* Effect.flip(kept.read(b === undefined ? [] : [b]))).reason,
        "Corrupt"
      )
    }).pipe(Effect.scoped)
  )

  it.live("who waits too long for another that writes is told so, and nothing is kept of it", () =>
    Effect.gen(function* () {
      const { open, schema, sql: ask } = yield* place(url)
      const kept = yield* open({ patience: 100 })
      const hold = `select pg_advisory_xact_lock(hashtextextended('dreamgym.replay."${schema}"', 0)), pg_sleep(0.6)`
      const holder = yield* Effect.forkChild(ask(hold))
      yield* Effect.sleep("200 millis")
      const error = yield* Effect.flip(add(kept, dream("a")))
      assert.strictEqual(error.reason, "Locked")
      yield* Effect.andThen(Effect.sleep("1 second"), Effect.void)
      assert.isDefined(holder)
      assert.deepStrictEqual(kept.entries(), [])
      yield* add(kept, dream("b"))
      assert.lengthOf(yield* all(kept), 1)
    }).pipe(Effect.scoped)
  )

  it.live(
    "a connection that is lost while writing is said, nothing is kept of it, and the next one works",
    () =>
      Effect.gen(function* () {
        const { open, schema, sql: ask } = yield* place(url)
        const kept = yield* open()
        yield* add(kept, dream("a"))
        yield* ask(
          "create function @.break() returns trigger language plpgsql as $$ begin " +
            "perform pg_terminate_backend(pg_backend_pid()); return new; end $$"
        )
        yield* ask(
          "create trigger break before insert on @.event for each statement execute function @.break()"
        )
        const error = yield* Effect.flip(add(kept, dream("b")))
        assert.deepStrictEqual([error.reason, error.message.includes(schema)], ["Io", true])
        assert.include(error.message, "what was acknowledged is kept")
        yield* ask("drop trigger break on @.event")
        yield* add(kept, dream("c"))
        assert.deepStrictEqual(
          kept.entries().map(({ task }) => task),
          ["a", "c"]
        )
      }).pipe(Effect.scoped)
  )

  it.live("a snapshot that is not there is said", () =>
    Effect.gen(function* () {
      const { open } = yield* place(url)
      const kept = yield* open()
      for (const asked of [kept.restore(7), kept.release(7)]) {
        const error = yield* Effect.flip(asked)
        assert.deepStrictEqual(
          [error.reason, /no snapshot 7/.test(error.message)],
          ["NoSnapshot", true]
        )
      }
    }).pipe(Effect.scoped)
  )
}

if (typeof server === "string") {
  it.skip(server)
} else {
  afterAll(server.remove)
  describe("a PostgreSQL server", () => suite(server))
}
