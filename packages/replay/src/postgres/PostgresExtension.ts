/**
 * pgvector as a database has it: whether, in which schema, and what of it this program may use.
 * Nothing is stored or searched here. Where a database does not have it, vectors are bytes and memory is searched.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { failed } from "./PostgresFailure.ts"
import { textIn } from "./PostgresRow.ts"
import { checked, type Server } from "./PostgresServer.ts"

type Failed = ReplayBuffer.ReplayBufferError

/**
 * A graph of neighbours (Malkov & Yashunin 2016) in place of a look at every vector: faster among many, and it may miss some of the
 * nearest. `m` neighbours of each (2 to 100, default 16), the best of `efConstruction` when one comes (4 to 1,000 and 2m at least,
 * default 64; both count when the index is made); `efSearch` (1 to 1,000, default 40) are met at least per question. For vectors of
 * up to 2,000 numbers, by pgvector 0.8 or newer.
 */
export interface Hnsw {
  readonly m?: number
  readonly efConstruction?: number
  readonly efSearch?: number
}

/** `schema` is quoted. `hnsw` absent: every vector is looked at. */
export interface Extension {
  readonly schema: string
  readonly hnsw?: Required<Hnsw>
}

/** What `vector(D)` can hold, and what an index of it. */
export const most = { stored: 16_000, indexed: 2_000 } as const

/**
 * Makes the extension where the server has it and this user may. Fails as `BadRequest` where `hnsw` is asked for with numbers out of
 * range, or of a pgvector that is too old for it.
 */
export const find = Effect.fn("PostgresExtension.find")(function* (
  server: Server,
  hnsw: Hnsw | undefined
): Effect.fn.Return<Extension | undefined, Failed | SqlError> {
  const { name } = server
  const wanted = hnsw === undefined ? undefined : { ...defaults, ...hnsw }
  if (wanted !== undefined && !isInRange(wanted)) {
    return yield* failed(name, "BadRequest", `hnsw is ${JSON.stringify(hnsw)}; ${ranges}`)
  }
  const found = (yield* installed(server)) ?? (yield* install(server))
  if (found === undefined) return undefined
  const { schema, version } = found
  if (wanted === undefined) return { schema }
  if (isNewEnough(version)) return { schema, hnsw: wanted }
  const old = `hnsw needs pgvector 0.8, here is ${version}; alter extension vector update, or leave hnsw out`
  return yield* failed(name, "BadRequest", old)
})

const defaults: Required<Hnsw> = { m: 16, efConstruction: 64, efSearch: 40 }

const ranges =
  "m is a whole number of 2 to 100, efConstruction of 2m (and 4) to 1,000, efSearch of 1 to 1,000"

const isInRange = ({ efConstruction, efSearch, m }: Required<Hnsw>): boolean =>
  isWithin(m, 2, 100) && isWithin(efConstruction, 2 * m, 1000) && isWithin(efSearch, 1, 1000)

const isWithin = (value: number, least: number, greatest: number): boolean =>
  Number.isInteger(value) && value >= least && value <= greatest

const isNewEnough = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > 0 || minor >= 8
}

const installed = Effect.fnUntraced(function* ({ ask, name }: Server) {
  const [row] = yield* ask(
    `select quote_ident(n.nspname) as schema, e.extversion as version
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'`
  )
  if (row === undefined) return undefined
  return yield* checked(name, () => ({
    schema: textIn(row, "schema"),
    version: textIn(row, "version")
  }))
})

/** Another process may be faster, which is an error of this one. */
const install = Effect.fnUntraced(function* (server: Server) {
  const { ask, name } = server
  const available = yield* ask("select 1 from pg_available_extensions where name = 'vector'")
  if (available.length === 0) return undefined
  const refusal = yield* ask("create extension if not exists vector").pipe(
    Effect.as(undefined),
    Effect.catchTag("SqlError", ({ message }) => Effect.succeed(message))
  )
  const found = yield* installed(server)
  if (found === undefined) {
    yield* Effect.logInfo(
      `${name}: pgvector is there, but was not created (${refusal ?? "no reason was given"}); this process searches by itself`
    )
  }
  return found
})
