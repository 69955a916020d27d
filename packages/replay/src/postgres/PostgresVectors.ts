/**
 * The vectors of a buffer in PostgreSQL without pgvector, one row of bytes per trajectory, read page by page.
 * Nothing is searched here: whoever searches reads them into memory.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Embedded, Space, Vectors } from "../Kept.ts"
import { failed } from "./PostgresFailure.ts"
import type { Held } from "./PostgresHeld.ts"
import * as PostgresRow from "./PostgresRow.ts"
import { checked } from "./PostgresServer.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** Bytes of vectors that are read at once, about. */
const pageSize = 1 << 22

export const make = (held: Held): Vectors => ({
  read: (space, page) => read(held, space, page),
  write: (space, some) => write(held, space, some)
})

const read = Effect.fn("PostgresVectors.read")(function* <E>(
  held: Held,
  space: Space,
  page: (some: ReadonlyArray<Embedded>) => Effect.Effect<void, E>
): Effect.fn.Return<void, E | Failed> {
  const after = (seq: number) => held.server.told(pageAfter(held, space, seq))
  let some = yield* after(0)
  for (let last = some.at(-1); last !== undefined; last = some.at(-1)) {
    // While one page is used the next one is read.
    const both = Effect.all([page(some), after(last.seq)], { concurrency: 2 })
    some = (yield* both)[1]
  }
})

/** Some of what is kept of a space, from the next trajectory on; nothing at the end. */
export const pageAfter = Effect.fnUntraced(function* (
  { server }: Held,
  { dimension, embedder }: Space,
  seq: number
): Effect.fn.Return<ReadonlyArray<Embedded>, Failed | SqlError> {
  const { ask, name, schema } = server
  const rows = yield* ask(
    `select * from (
      select *, sum(octet_length(vectors)) over (order by trajectory) - octet_length(vectors) as before
      from (
        select e.trajectory, e.vectors, t.length from ${schema}.embedding e
        join ${schema}.trajectory t on t.seq = e.trajectory and t.gone is null
        where e.dimension = $2 and e.trajectory > $3 and e.embedder = $1
        order by e.trajectory limit 4096
      ) kept
    ) measured where before < $4 order by trajectory`,
    [PostgresRow.text(embedder), ...[dimension, seq, pageSize].map(PostgresRow.integer)]
  )
  const page = yield* checked(name, () => rows.map(embeddedOf))
  const wrong = page.find(({ count, steps }) => count !== steps * dimension)
  if (wrong === undefined) return page.map((one) => ({ seq: one.seq, vectors: one.vectors }))
  return yield* misfit(name, embedder, wrong.seq, wrong.steps, dimension, wrong.count)
})

/** `count` is how many numbers the bytes are, whole or not. */
interface Found extends Embedded {
  readonly steps: number
  readonly count: number
}

const embeddedOf = (row: PostgresRow.Answer): Found => {
  const bytes = row["vectors"]
  if (!(bytes instanceof Uint8Array)) throw new Error("column vectors holds no bytes")
  // A copy, because floats must lie at multiples of their size; the least byte is first here as there.
  const vectors = new Float32Array(bytes.slice().buffer, 0, bytes.length >> 2)
  const [seq, steps] = [
    PostgresRow.numberIn(row, "trajectory"),
    PostgresRow.numberIn(row, "length")
  ]
  return { seq, steps, vectors, count: bytes.length / 4 }
}

/** Of other spaces nothing stays, nor of those that are not kept any more. */
const write = Effect.fn("PostgresVectors.write")(function* (
  held: Held,
  space: Space,
  some: ReadonlyArray<Embedded>
): Effect.fn.Return<void, Failed> {
  const { alone, told } = held.server
  yield* refuseMisfits(held, space, some)
  if (some.length === 0) return
  yield* held.turn.withPermit(told(alone(insert(held, space, some))))
}, Effect.uninterruptible)

/** Fails as `Embedding` where there are more or fewer numbers than the steps of a trajectory that is kept need. */
export const refuseMisfits = Effect.fnUntraced(function* (
  { kept, server }: Held,
  { dimension, embedder }: Space,
  some: ReadonlyArray<Embedded>
): Effect.fn.Return<void, Failed> {
  for (const { seq, vectors } of some) {
    const entry = kept.get(seq)
    const steps = entry === undefined ? 0 : entry.realSteps + entry.syntheticSteps
    if (entry === undefined || vectors.length === steps * dimension) continue
    return yield* misfit(server.name, embedder, seq, steps, dimension, vectors.length)
  }
})

const insert = Effect.fnUntraced(function* (
  held: Held,
  { dimension, embedder }: Space,
  some: ReadonlyArray<Embedded>
) {
  const { ask, schema } = held.server
  const space = [PostgresRow.text(embedder), PostgresRow.integer(dimension)]
  const named = JSON.stringify([embedder, dimension])
  if (held.space !== named) {
    yield* ask(`delete from ${schema}.embedding where embedder <> $1 or dimension <> $2`, space)
    held.space = named
  }
  yield* ask(
    `insert into ${schema}.embedding (trajectory, embedder, dimension, vectors)
    select u.seq, $1, $2, u.vectors from unnest($3::bigint[], $4::bytea[]) as u (seq, vectors)
    join ${schema}.trajectory t on t.seq = u.seq and t.gone is null
    on conflict (trajectory) do update set
      embedder = excluded.embedder, dimension = excluded.dimension, vectors = excluded.vectors`,
    [
      ...space,
      PostgresRow.integers(some.map(({ seq }) => seq)),
      PostgresRow.bytes(
        some.map(
          ({ vectors }) => new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength)
        )
      )
    ]
  )
})

export const misfit = (
  name: string,
  embedder: string,
  seq: number,
  steps: number,
  dimension: number,
  found: number
) =>
  failed(
    name,
    "Embedding",
    `the vectors of trajectory ${seq} by ${embedder} should be ${steps} x ${dimension} numbers, ` +
      `they are ${found}; see that the embedder's dimension is what it says`
  )
