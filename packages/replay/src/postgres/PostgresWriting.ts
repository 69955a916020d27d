/**
 * What else changes a buffer in PostgreSQL: a new content, priorities, snapshots; each in one transaction under the lock of writers.
 * Additions are `PostgresAdding`.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Coming, Prioritised } from "../Kept.ts"
import { marks } from "../store/StoreStatements.ts"
import { arrivalsOf, entryOf, isNews, settled } from "./PostgresAdding.ts"
import { failed } from "./PostgresFailure.ts"
import { follow, reload } from "./PostgresFollowing.ts"
import { type Arrival, dropAll, type Held } from "./PostgresHeld.ts"
import * as PostgresRow from "./PostgresRow.ts"
import { checked, type Server } from "./PostgresServer.ts"
import * as PostgresTables from "./PostgresTables.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** What is there already, in its place, stays as it is. Quotas do not count here: whoever replaces has counted. */
export const replace = Effect.fnUntraced(function* (held: Held, coming: ReadonlyArray<Coming>) {
  const arrivals = yield* arrivalsOf(coming)
  yield* held.turn.withPermit(replaceAll(held, arrivals))
}, Effect.uninterruptible)

const replaceAll = Effect.fnUntraced(function* (held: Held, arrivals: ReadonlyArray<Arrival>) {
  const { alone, told } = held.server
  const at = yield* Clock.currentTimeMillis
  const { last, leaving, prioritised, stays } = yield* told(
    alone(
      Effect.gen(function* () {
        yield* follow(held)
        const { others, same } = yield* compared(held.server, arrivals)
        const gone = [...held.kept.keys()].slice(same)
        const events = [
          yield* PostgresTables.leave(held.server, { evicted: [], replaced: gone }, at),
          yield* PostgresTables.setPriorities(held.server, others, at)
        ]
        const rest = yield* numbered(held.server, arrivals.slice(same))
        events.push(yield* PostgresTables.enter(held.server, rest, at))
        return { last: Math.max(...events), leaving: gone, prioritised: others, stays: rest }
      })
    )
  )
  if (!isNews(held, last)) return
  if (leaving.length > 0) held.changed({ evicted: dropAll(held, leaving) })
  if (prioritised.length > 0) held.changed({ evicted: [], prioritised })
  for (const { coming, seq } of stays) settled(held, entryOf(coming, seq), coming, [], true)
})

const numbered = Effect.fnUntraced(function* (server: Server, arrivals: ReadonlyArray<Arrival>) {
  const rows = yield* server.ask(
    `select nextval('${server.schema}.trajectory_seq') as seq from generate_series(1, $1)`,
    [PostgresRow.integer(arrivals.length)]
  )
  return yield* checked(server.name, () =>
    arrivals.map((one, i): PostgresTables.Staying => ({
      ...one,
      seq: PostgresRow.numberIn(rows[i] ?? {}, "seq")
    }))
  )
})

const marked = PostgresRow.selected(PostgresRow.only(marks), "t")

/**
 * `same`: how many of those that are kept, from the oldest on, are the same as those that come; `others` are those of them that get
 * another priority.
 */
const compared = Effect.fnUntraced(function* (server: Server, arrivals: ReadonlyArray<Arrival>) {
  const rows = yield* server.ask(
    `select t.seq, t.priority, ${marked} from ${server.schema}.trajectory t
    where gone is null order by seq`
  )
  return yield* checked(server.name, () => {
    const differs = rows.findIndex((row, i) =>
      marks.some((mark) => PostgresRow.cellIn(row, mark) !== arrivals[i]?.row.trajectory[mark])
    )
    const same = differs < 0 ? rows.length : differs
    const others = rows.slice(0, same).flatMap((row, i) => {
      const priority = arrivals[i]?.row.trajectory.priority ?? 0
      const seq = PostgresRow.numberIn(row, "seq")
      return PostgresRow.numberIn(row, "priority") === priority ? [] : [{ seq, priority }]
    })
    return { same, others }
  })
})

/** Where one comes twice, the last counts. */
export const prioritise = Effect.fnUntraced(function* (
  held: Held,
  list: ReadonlyArray<Prioritised>
) {
  if (list.length === 0) return
  yield* held.turn.withPermit(prioritiseAll(held, list))
}, Effect.uninterruptible)

const prioritiseAll = Effect.fnUntraced(function* (held: Held, list: ReadonlyArray<Prioritised>) {
  const { alone, told } = held.server
  const at = yield* Clock.currentTimeMillis
  const { last, prioritised } = yield* told(
    alone(
      Effect.gen(function* () {
        yield* follow(held)
        const wanted = [...new Map(list.map((one) => [one.seq, one])).values()]
        const known = wanted.filter(({ seq }) => held.kept.has(seq))
        const newest = yield* PostgresTables.setPriorities(held.server, known, at)
        yield* PostgresTables.forget(held, newest)
        return { last: newest, prioritised: known }
      })
    )
  )
  if (prioritised.length > 0 && isNews(held, last)) held.changed({ evicted: [], prioritised })
})

/** A number for what is kept now, by whomever. */
export const snapshot = (held: Held): Effect.Effect<number, Failed> =>
  turn(
    held,
    Effect.gen(function* () {
      yield* follow(held)
      return yield* PostgresTables.snapshot(
        held.server,
        held.kept.size,
        yield* Clock.currentTimeMillis
      )
    })
  )

/** Others learn of it when they ask next. Fails as `NoSnapshot`. */
export const restore = (held: Held, version: number): Effect.Effect<void, Failed> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const at = yield* Clock.currentTimeMillis
      const wasThere = yield* turn(held, PostgresTables.restore(held.server, version, at))
      if (!wasThere) return yield* unknown(held.server, version)
      yield* held.server.told(reload(held))
    })
  )

/** Fails as `NoSnapshot`. */
export const release = (held: Held, version: number): Effect.Effect<void, Failed> =>
  Effect.flatMap(turn(held, PostgresTables.release(held.server, version)), (wasThere) =>
    wasThere ? Effect.void : unknown(held.server, version)
  )

const turn = <A>(
  { server, turn: permit }: Held,
  work: Effect.Effect<A, Failed | SqlError>
): Effect.Effect<A, Failed> =>
  Effect.uninterruptible(permit.withPermit(server.told(server.alone(work))))

const unknown = ({ name }: Server, version: number) =>
  failed(
    name,
    "NoSnapshot",
    `there is no snapshot ${version}; it was released, or a restoration went behind it`
  )
