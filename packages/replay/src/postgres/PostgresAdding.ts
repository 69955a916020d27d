/**
 * How trajectories are added, many at once: who comes and who goes is planned, written in one transaction, and told.
 * The rules are those of `PostgresPlan`, the statements those of `PostgresTables`.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { type Change, type Coming, type Entry, shelves } from "../Kept.ts"
import * as StoreRow from "../store/StoreRow.ts"
import { follow } from "./PostgresFollowing.ts"
import { type Arrival, dropAll, type Held, put, type Waiting } from "./PostgresHeld.ts"
import { candidates, plan, type Standing } from "./PostgresPlan.ts"
import * as PostgresRow from "./PostgresRow.ts"
import { checked } from "./PostgresServer.ts"
import { enter, forget, leave } from "./PostgresTables.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** So many trajectories are committed at once at most, unless one addition brings more. */
const groupSize = 256

/**
 * What has come while another addition was written is written together next, in one transaction: all of it or nothing.
 * A lost connection is reported, not retried: adding again does no harm.
 */
export const add = Effect.fnUntraced(function* (held: Held, coming: ReadonlyArray<Coming>) {
  if (coming.length === 0) return []
  const arrivals = yield* arrivalsOf(coming)
  const done = yield* Deferred.make<ReadonlyArray<Change>, Failed>()
  held.waiting.push({ arrivals, done })
  yield* held.turn.withPermit(addWaiting(held))
  return yield* Deferred.await(done)
}, Effect.uninterruptible)

export const arrivalsOf = (coming: ReadonlyArray<Coming>) =>
  Effect.forEach(coming, (one) =>
    Effect.map(StoreRow.rowOf(one), (row): Arrival => ({ coming: one, row }))
  )

const addWaiting = Effect.fnUntraced(function* (held: Held) {
  const group: Array<Waiting> = []
  for (let size = 0; size < groupSize;) {
    const next = held.waiting.shift()
    if (next === undefined) break
    size += next.arrivals.length
    group.push(next)
  }
  if (group.length === 0) return
  const all = group.flatMap(({ arrivals }) => arrivals)
  const written = yield* Effect.exit(addAll(held, all))
  let at = 0
  for (const { arrivals, done } of group) {
    const [from, to] = [at, (at += arrivals.length)]
    Deferred.doneUnsafe(
      done,
      written._tag === "Success" ? Effect.succeed(written.value.slice(from, to)) : written
    )
  }
})

const addAll = Effect.fnUntraced(function* (
  held: Held,
  arrivals: ReadonlyArray<Arrival>
): Effect.fn.Return<ReadonlyArray<Change>, Failed> {
  const { alone, told } = held.server
  const at = yield* Clock.currentTimeMillis
  const { last, planned, seqs } = yield* told(
    alone(
      Effect.gen(function* () {
        yield* follow(held)
        const decided = yield* decide(held, arrivals)
        const left = yield* leave(held.server, decided.planned, at)
        const stays = decided.seqs.flatMap((seq, i) => {
          const arrival = arrivals[i]
          return arrival !== undefined && decided.planned.kept.has(seq) ? [{ seq, ...arrival }] : []
        })
        const entered = yield* enter(held.server, stays, at)
        const newest = Math.max(left, entered)
        yield* forget(held, newest)
        return { ...decided, last: newest }
      })
    )
  )
  const tell = isNews(held, last)
  return arrivals.map(({ coming }, i) => {
    const placed = planned.placed[i]
    if (placed?.isNew !== true) return { evicted: [] }
    return settled(held, entryOf(coming, seqs[i] ?? 0), coming, placed.evicted, tell)
  })
})

/** Whether what was just committed is still to be told: another fiber may have learnt of it from the events already. */
export const isNews = (held: Held, last: number): boolean => {
  if (last > 0 && held.seen >= last) return false
  held.seen = Math.max(held.seen, last)
  return true
}

export const entryOf = (
  { fingerprint: _, trajectory: __, ...known }: Coming,
  seq: number
): Entry => ({ ...known, seq })

/** One that is kept from now on, told with those that go for it. */
export const settled = (
  held: Held,
  entry: Entry,
  { trajectory }: Coming,
  leaving: ReadonlyArray<number>,
  tell: boolean
): Change => {
  if (!tell) return { inserted: held.kept.get(entry.seq) ?? entry, evicted: [] }
  held.cache.put(entry.seq, trajectory)
  put(held, entry)
  const change = { inserted: entry, evicted: dropAll(held, leaving) }
  held.changed(change)
  return change
}

/** Numbers for all that come, and what is to be done with them. */
const decide = Effect.fnUntraced(function* (held: Held, arrivals: ReadonlyArray<Arrival>) {
  const { ask, name, schema } = held.server
  const coming = arrivals.map((one) => one.coming)
  const next = candidates(held.quotas, held.counts, coming)
  const worstOf = shelves.map(
    (shelf, i) =>
      `union all (select seq, fingerprint, shelf, quality, 'worst' from ${schema}.trajectory
        where gone is null and shelf = '${shelf}' order by quality, seq limit $${i + 3})`
  )
  const rows = yield* ask(
    `select nextval('${schema}.trajectory_seq') as seq, null as fingerprint, null as shelf,
      null::double precision as quality, 'coming' as role from generate_series(1, $2)
    union all select seq, fingerprint, shelf, quality, 'twin' from ${schema}.trajectory
      where gone is null and fingerprint = any($1) ${worstOf.join(" ")}`,
    [
      PostgresRow.texts(coming.map(({ fingerprint }) => fingerprint)),
      ...[coming.length, next.real, next.synthetic, next.rejected].map(PostgresRow.integer)
    ]
  )
  return yield* checked(name, () => {
    const of = (role: string) => rows.filter((row) => row["role"] === role)
    const seqs = of("coming")
      .map((row) => PostgresRow.numberIn(row, "seq"))
      .sort((a, b) => a - b)
    const standing = coming.map((one, i): Standing => ({ ...one, seq: seqs[i] ?? 0 }))
    const twins = of("twin").map(PostgresRow.standingOf)
    const worst = of("worst").map(PostgresRow.standingOf)
    const { counts, quotas } = held
    return { seqs, planned: plan({ quotas, counts, twins, worst }, standing) }
  })
})
