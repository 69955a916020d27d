/**
 * The vectors of a buffer in PostgreSQL with pgvector: one row per transition, one table per space, of which there is one at a time.
 * What of them is nearest is `PostgresNearest`.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Embedded, Space } from "../Kept.ts"
import { lengthOf, scaleOf } from "../retrieval/Cosine.ts"
import { type Extension, most } from "./PostgresExtension.ts"
import { failed } from "./PostgresFailure.ts"
import type { Held } from "./PostgresHeld.ts"
import * as PostgresRow from "./PostgresRow.ts"
import { checked } from "./PostgresServer.ts"
import * as PostgresVectors from "./PostgresVectors.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** `known`: the numbers of the tables that this process believes its vectors to be in, by the name of the space. */
export interface Spaces {
  readonly held: Held
  readonly extension: Extension
  readonly known: Map<string, number>
}

export const nameOf = ({ dimension, embedder }: Space): string =>
  JSON.stringify([embedder, dimension])

export const tableOf = ({ held }: Spaces, id: number): string =>
  `${held.server.schema}.vectors_${id}`

/** Numbers that are sent or read at once, about. */
const atOnce = 1 << 20

/**
 * Those of `seqs` that have vectors; undefined where the table is not the one that it was. Makes the table where there is none, with
 * what is kept of this space as bytes from before pgvector was there. Fails as `BadRequest` where an index cannot be had.
 */
export const known = Effect.fn("PostgresSpaces.known")(function* (
  spaces: Spaces,
  space: Space,
  seqs: ReadonlyArray<number>
): Effect.fn.Return<ReadonlySet<number> | undefined, Failed> {
  const { ask, alone, name, told } = spaces.held.server
  const asked = Effect.gen(function* () {
    const id = yield* present(spaces, space)
    const rows = yield* ask(
      `select trajectory from ${tableOf(spaces, id)} where trajectory = any($1) and idx = 0`,
      [PostgresRow.integers(seqs)]
    )
    const found = yield* checked(name, () =>
      rows.map((row) => PostgresRow.numberIn(row, "trajectory"))
    )
    return { id, found: new Set(found) }
  })
  const { found, id } = yield* spaces.held.turn.withPermit(told(alone(asked)))
  const before = spaces.known.get(nameOf(space))
  spaces.known.set(nameOf(space), id)
  return before === undefined || before === id ? found : undefined
}, Effect.uninterruptible)

/** Those that are not kept any more are passed over. */
export const write = Effect.fn("PostgresSpaces.write")(function* (
  spaces: Spaces,
  space: Space,
  some: ReadonlyArray<Embedded>
): Effect.fn.Return<void, Failed> {
  const { kept, server, turn } = spaces.held
  yield* PostgresVectors.refuseMisfits(spaces.held, space, some)
  const own = some.filter(({ seq }) => kept.has(seq))
  if (own.length === 0) return
  const work = Effect.flatMap(present(spaces, space), (id) => insert(spaces, space, id, own))
  yield* turn.withPermit(server.told(server.alone(work)))
}, Effect.uninterruptible)

/** Numbers come back as they were, but for vectors that are very long or short: those are scaled by a power of two. */
export const read = Effect.fn("PostgresSpaces.read")(function* <E>(
  spaces: Spaces,
  space: Space,
  page: (some: ReadonlyArray<Embedded>) => Effect.Effect<void, E>
): Effect.fn.Return<void, E | Failed> {
  const { told } = spaces.held.server
  const id = yield* told(registered(spaces, space))
  if (id === undefined) return
  const after = (seq: number) => told(pageAfter(spaces, space, id, seq))
  let some = yield* after(0)
  for (let last = some.at(-1); last !== undefined; last = some.at(-1)) {
    yield* page(some)
    some = yield* after(last.seq)
  }
})

const registered = Effect.fnUntraced(function* (
  { held: { server } }: Spaces,
  { dimension, embedder }: Space
) {
  const [row] = yield* server.ask(
    `select id from ${server.schema}.vector_space where embedder = $1 and dimension = $2`,
    [PostgresRow.text(embedder), PostgresRow.integer(dimension)]
  )
  if (row === undefined) return undefined
  return yield* checked(server.name, () => PostgresRow.numberIn(row, "id"))
})

/** The table of a space, made where it is missing; inside `alone`. */
const present = Effect.fnUntraced(function* (
  spaces: Spaces,
  space: Space
): Effect.fn.Return<number, Failed | SqlError> {
  const { ask, name } = spaces.held.server
  const { hnsw, schema } = spaces.extension
  const id = (yield* registered(spaces, space)) ?? (yield* made(spaces, space))
  if (hnsw === undefined || spaces.known.has(nameOf(space))) return id
  if (space.dimension > most.indexed) {
    return yield* failed(
      name,
      "BadRequest",
      `hnsw is for vectors of up to ${most.indexed} numbers, those of ${space.embedder} have ${space.dimension}; leave hnsw out`
    )
  }
  yield* ask(
    `create index if not exists vectors_${id}_hnsw on ${tableOf(spaces, id)}
    using hnsw (vector ${schema}.vector_cosine_ops)
    with (m = ${hnsw.m}, ef_construction = ${hnsw.efConstruction})`
  )
  return id
})

/** Of other spaces nothing stays. */
const made = Effect.fnUntraced(function* (
  spaces: Spaces,
  space: Space
): Effect.fn.Return<number, Failed | SqlError> {
  const { held } = spaces
  const { ask, name, schema } = held.server
  const { dimension, embedder } = space
  const others = yield* ask(`delete from ${schema}.vector_space returning id`)
  const rows = yield* ask(
    `insert into ${schema}.vector_space (embedder, dimension) values ($1, $2) returning id`,
    [PostgresRow.text(embedder), PostgresRow.integer(dimension)]
  )
  const [id = 0, ...gone] = yield* checked(name, () =>
    [...rows, ...others].map((row) => PostgresRow.numberIn(row, "id"))
  )
  for (const other of gone) yield* ask(`drop table if exists ${tableOf(spaces, other)}`)
  for (const statement of making(spaces, id, dimension)) yield* ask(statement)
  let some = yield* PostgresVectors.pageAfter(held, space, 0)
  for (let last = some.at(-1); last !== undefined; last = some.at(-1)) {
    yield* insert(spaces, space, id, some)
    some = yield* PostgresVectors.pageAfter(held, space, last.seq)
  }
  yield* ask(`delete from ${schema}.embedding`)
  return id
})

/** What fits on a page lies in the row, where a search need not fetch it from elsewhere. */
const making = (spaces: Spaces, id: number, dimension: number): ReadonlyArray<string> => {
  const table = tableOf(spaces, id)
  return [
    `create table ${table} (
      trajectory bigint not null references ${spaces.held.server.schema}.trajectory (seq) on delete cascade,
      idx bigint not null,
      is_real boolean not null,
      vector ${spaces.extension.schema}.vector(${dimension}) not null,
      primary key (trajectory, idx)
    )`,
    ...(dimension <= 1900 ? [`alter table ${table} alter column vector set storage plain`] : [])
  ]
}

const insert = Effect.fnUntraced(function* (
  spaces: Spaces,
  { dimension }: Space,
  id: number,
  some: ReadonlyArray<Embedded>
) {
  const { ask, schema } = spaces.held.server
  const type = `${spaces.extension.schema}.vector(${dimension})`
  const from = `(u.start + s.idx * ${dimension})::int`
  for (const portion of portions(some)) {
    let at = 0
    const starts = portion.map(({ vectors }) => (at += vectors.length) - vectors.length)
    yield* ask(
      `insert into ${tableOf(spaces, id)} (trajectory, idx, is_real, vector)
      select s.trajectory, s.idx, s.source = 'real',
        (($3::real[])[${from} + 1 : ${from} + ${dimension}])::${type}
      from unnest($1::bigint[], $2::bigint[]) as u (seq, start)
      join ${schema}.step s on s.trajectory = u.seq
      on conflict (trajectory, idx) do update set vector = excluded.vector`,
      [
        PostgresRow.integers(portion.map(({ seq }) => seq)),
        PostgresRow.integers(starts),
        PostgresRow.floats(portion.flatMap(({ vectors }) => scaled(vectors, dimension)))
      ]
    )
  }
})

const portions = (some: ReadonlyArray<Embedded>): ReadonlyArray<ReadonlyArray<Embedded>> => {
  const all: Array<Array<Embedded>> = []
  let room = 0
  for (const one of some) {
    if (one.vectors.length > room || all.length === 0) {
      all.push([])
      room = atOnce
    }
    all.at(-1)?.push(one)
    room -= one.vectors.length
  }
  return all
}

/** Rows of `dimension` numbers, each so long that the sums of 32 bits that pgvector makes hold it. */
export const scaled = (rows: Float32Array, dimension: number): ReadonlyArray<number> => {
  const numbers: Array<number> = []
  for (let at = 0; at < rows.length; at += dimension) {
    const row = rows.subarray(at, at + dimension)
    const scale = scaleOf(lengthOf(row))
    for (const x of row) numbers.push(x * scale)
  }
  return numbers
}

const pageAfter = Effect.fnUntraced(function* (
  spaces: Spaces,
  { dimension, embedder }: Space,
  id: number,
  seq: number
): Effect.fn.Return<ReadonlyArray<Embedded>, Failed | SqlError> {
  const { ask, name, schema } = spaces.held.server
  const table = tableOf(spaces, id)
  const rows = yield* ask(
    `select v.trajectory, page.length, ${sent(spaces)} as vector from (
      select seq, length, sum(length) over (order by seq) - length as before
      from ${schema}.trajectory t where gone is null and seq > $1
        and exists (select 1 from ${table} v where v.trajectory = t.seq and v.idx = 0)
      order by seq limit 4096
    ) page join ${table} v on v.trajectory = page.seq
    where page.before < $2 order by v.trajectory, v.idx`,
    [seq, Math.ceil(atOnce / dimension)].map(PostgresRow.integer)
  )
  const page = yield* checked(name, () =>
    [...Map.groupBy(rows, (row) => PostgresRow.numberIn(row, "trajectory"))].map(([of, own]) => ({
      seq: of,
      steps: PostgresRow.numberIn(own[0] ?? {}, "length"),
      vectors: Float32Array.from(own.flatMap((row) => [...vectorIn(row)]))
    }))
  )
  const wrong = page.find(({ steps, vectors }) => vectors.length !== steps * dimension)
  if (wrong === undefined) return page.map((one) => ({ seq: one.seq, vectors: one.vectors }))
  const count = wrong.vectors.length
  return yield* PostgresVectors.misfit(name, embedder, wrong.seq, wrong.steps, dimension, count)
})

/** A vector `v.vector` as `vectorIn` reads it. */
export const sent = ({ extension }: Spaces): string => `${extension.schema}.vector_send(v.vector)`

/** How many numbers (16 bits), 16 bits of nothing, then the numbers, each with its greatest byte first. */
export const vectorIn = (row: PostgresRow.Answer): Float32Array => {
  const bytes = row["vector"]
  if (!(bytes instanceof Uint8Array)) throw new Error("column vector holds no bytes")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: (bytes.length >> 2) - 1 }, (_, i) =>
    view.getFloat32(4 + 4 * i)
  )
}
