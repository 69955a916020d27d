/**
 * What is kept, as one process knows it, and how it learns what others changed: from the table `event`, in the order of commits.
 * It changes nothing in the database.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Entry } from "../Kept.ts"
import { dropAll, type Held, put } from "./PostgresHeld.ts"
import { type Answer, entryColumns, entryOf, integer, numberIn, textIn } from "./PostgresRow.ts"
import { checked } from "./PostgresServer.ts"

type Failed = ReplayBuffer.ReplayBufferError

type Kind = "added" | "evicted" | "replaced" | "prioritised" | "restored"

/** True where what is kept must be read anew. */
const followers: Readonly<Record<Kind, (held: Held, row: Answer) => boolean>> = {
  added: (held, row) => {
    // What went since has no row any more; it is not known here, so that its end changes nothing.
    if (row["seq"] === null || held.kept.has(numberIn(row, "subject"))) return false
    const entry = entryOf(row)
    held.changed({ inserted: put(held, entry), evicted: [] })
    return false
  },
  evicted: (held, row) => hasLeft(held, row),
  replaced: (held, row) => hasLeft(held, row),
  prioritised: (held, row) => {
    const [seq, priority] = [numberIn(row, "subject"), numberIn(row, "told")]
    if (held.kept.has(seq)) held.changed({ evicted: [], prioritised: [{ seq, priority }] })
    return false
  },
  restored: () => true
}

const hasLeft = (held: Held, row: Answer): boolean => {
  const evicted = dropAll(held, [numberIn(row, "subject")])
  if (evicted.length > 0) held.changed({ evicted })
  return false
}

const isKind = (kind: string): kind is Kind => Object.hasOwn(followers, kind)

/** Learns what was committed since, by this process or another; it may be asked at any time. */
export const follow = Effect.fnUntraced(function* (
  held: Held
): Effect.fn.Return<void, SqlError | Failed> {
  const { ask, name, schema } = held.server
  const rows = yield* ask(
    `select s.horizon, e.seq as event, e.kind, e.subject, e.priority as told, ${entryColumns}
    from ${schema}.store s left join ${schema}.event e on e.seq > $1
    left join ${schema}.trajectory t on t.seq = e.subject and e.kind = 'added' order by e.seq`,
    [integer(held.seen)]
  )
  if (yield* checked(name, () => apply(held, rows))) yield* reload(held)
})

/** True where what is kept must be read anew. What another fiber applied meanwhile is passed over. */
const apply = (held: Held, rows: ReadonlyArray<Answer>): boolean => {
  held.horizon = Math.max(held.horizon, ...rows.slice(0, 1).map((row) => numberIn(row, "horizon")))
  if (held.seen < held.horizon) return true
  for (const row of rows) {
    if (row["event"] === null || numberIn(row, "event") <= held.seen) continue
    const kind = textIn(row, "kind")
    if (!isKind(kind)) throw new Error(`an event is of the kind ${kind}`)
    if (followers[kind](held, row)) return true
    held.seen = numberIn(row, "event")
  }
  return false
}

/** Reads the numbers of all that is kept, and tells what that changes. */
export const reload = Effect.fnUntraced(function* (
  held: Held
): Effect.fn.Return<void, SqlError | Failed> {
  const { ask, atOnce, name, schema } = held.server
  const [state, rows] = yield* atOnce(
    Effect.all([
      ask(
        `select horizon, greatest(horizon, (select max(seq) from ${schema}.event)) as head
        from ${schema}.store`
      ),
      ask(`select ${entryColumns} from ${schema}.trajectory t where gone is null order by seq`)
    ])
  )
  yield* checked(name, () => {
    const now = {
      horizon: numberIn(state[0] ?? {}, "horizon"),
      head: numberIn(state[0] ?? {}, "head")
    }
    // Another fiber may know more by now.
    if (now.head > held.seen) begin(held, now, rows.map(entryOf))
  })
})

const begin = (
  held: Held,
  { head, horizon }: { readonly head: number; readonly horizon: number },
  entries: ReadonlyArray<Entry>
): void => {
  const before = held.kept
  const now = new Set(entries.map(({ seq }) => seq))
  const evicted = dropAll(
    held,
    [...before.keys()].filter((seq) => !now.has(seq))
  )
  held.kept = new Map()
  held.counts = { real: 0, synthetic: 0, rejected: 0 }
  for (const entry of entries) put(held, before.get(entry.seq) ?? entry)
  held.seen = head
  held.horizon = horizon
  if (evicted.length > 0) held.changed({ evicted })
  for (const entry of entries) {
    if (!before.has(entry.seq)) held.changed({ inserted: entry, evicted: [] })
  }
  const prioritised = entries.filter(({ seq }) => before.has(seq))
  if (prioritised.length > 0) held.changed({ evicted: [], prioritised })
}
