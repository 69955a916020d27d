/**
 * A buffer in a PostgreSQL database, for several processes that write and read at once.
 * Where one machine is enough, SQLite (`Store`) asks for no server.
 */
import type { ReplayBuffer as Contract, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Change, Kept, Quotas } from "../Kept.ts"
import * as ReplayBuffer from "../ReplayBuffer.ts"
import * as StoreCache from "../store/StoreCache.ts"
import { add } from "./PostgresAdding.ts"
import * as PostgresExtension from "./PostgresExtension.ts"
import { follow, reload } from "./PostgresFollowing.ts"
import type { Held } from "./PostgresHeld.ts"
import { read } from "./PostgresReading.ts"
import * as PostgresSearch from "./PostgresSearch.ts"
import * as PostgresServer from "./PostgresServer.ts"
import { prioritise, release, replace, restore, snapshot } from "./PostgresWriting.ts"

/**
 * `url`: `postgresql://user:password@host:port/database?sslmode=...`, or what `PgClient` takes (`ssl`, pool sizes, timeouts).
 * `schema` (default `dreamgym`) is made where it is missing; nothing outside it is touched, but for the extension `vector`, which is
 * created where the server has it and this user may. `hnsw` (default: none) lets pgvector answer from a graph: faster among many
 * vectors, and it approximates; it does nothing where there is no pgvector. `patience`: how many milliseconds one who
 * wants to write waits for another who does, and one who writes may stand still (default 120,000). `cached`: how many trajectories stay
 * in memory (default 4,096).
 */
export interface Place {
  readonly url: Redacted.Redacted | PostgresServer.Connection
  readonly schema?: string
  readonly patience?: number
  readonly cached?: number
  readonly hnsw?: PostgresExtension.Hnsw
}

/** `quotas` hold for all that is kept, whoever added it. */
export interface Options extends Place {
  readonly quotas?: Quotas
}

/**
 * `exactly`: at opening, what is kept becomes what a new buffer would hold after these were added; for a schema that no other run
 * writes to.
 */
export interface PostgresOptions extends ReplayBuffer.Options, Place {
  readonly exactly?: ReadonlyArray<Trajectory.Trajectory>
}

/**
 * Lives in a schema of a PostgreSQL database, safe on the server's disk before `add` answers; many processes may use it at once, and
 * each question knows what was acknowledged to any of them before. Where vectors are kept (`keepVectors`) and the server has pgvector, the
 * server finds what is alike, as exactly as memory would; else this process does. With pgvector, processes that use one schema use one
 * embedder: vectors of another go, and are made again when they are asked for.
 */
export const layerPostgres = (
  options: PostgresOptions
): Layer.Layer<Contract.ReplayBuffer, Contract.ReplayBufferError> =>
  ReplayBuffer.layerOf(options, (quotas, changed) =>
    Effect.tap(open({ ...options, quotas }, changed), (kept) =>
      options.exactly === undefined
        ? Effect.void
        : ReplayBuffer.beginWith(options, quotas, kept, options.exactly)
    )
  )

/**
 * Opens or creates the schema. `changed` hears of every change, also of those that other processes made, when `refresh` or any change
 * learns of them. Fails as `Io` where the server cannot be reached or refuses, `NewerVersion` where a later program made the tables,
 * `Corrupt` where they are damaged or another program's, `BadRequest` where the URL or the name of the schema is none.
 */
export const open = Effect.fn("Postgres.open")(function* (
  { cached = 4096, hnsw, patience = 120_000, quotas = {}, schema = "dreamgym", url }: Options,
  changed: (change: Change) => void
): Effect.fn.Return<Kept, Contract.ReplayBufferError, Scope.Scope> {
  const server = yield* PostgresServer.open({ url, schema, patience })
  const extension = yield* server.told(PostgresExtension.find(server, hnsw))
  const held: Held = {
    server,
    quotas,
    changed,
    cache: StoreCache.make(cached),
    turn: Semaphore.makeUnsafe(1),
    waiting: [],
    kept: new Map(),
    counts: { real: 0, synthetic: 0, rejected: 0 },
    seen: -1,
    horizon: 0,
    space: ""
  }
  yield* server.told(reload(held))
  return {
    entries: () => [...held.kept.values()],
    add: (coming) => add(held, coming),
    replace: (coming) => replace(held, coming),
    read: (entries) => read(held, entries),
    prioritise: (list) => prioritise(held, list),
    snapshot: snapshot(held),
    restore: (version) => restore(held, version),
    release: (version) => release(held, version),
    refresh: server.told(follow(held)),
    vectors: PostgresSearch.make(held, extension)
  }
})
