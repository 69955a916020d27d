/**
 * The statements that change the tables, each with the events that tell others of it.
 * They run inside a transaction that is someone else's; who comes and goes is decided elsewhere.
 */
import * as Effect from "effect/Effect"
import { type Prioritised, shelfOf } from "../Kept.ts"
import type { Row } from "../store/StoreWire.ts"
import type { Plan } from "./PostgresPlan.ts"
import type { Arrival, Held } from "./PostgresHeld.ts"
import * as PostgresRow from "./PostgresRow.ts"
import { checked, type Server } from "./PostgresServer.ts"

/** An event about a trajectory, or a snapshot. */
export interface Told {
  readonly kind: "evicted" | "replaced" | "prioritised" | "restored" | "added"
  readonly subject: number
  readonly priority: number | null
  readonly at: number
}

const eventColumns = {
  kind: "text",
  subject: "bigint",
  priority: "double precision",
  at: "bigint"
} as const

const telling = (schema: string, at: number): string =>
  `${PostgresRow.insertion(`${schema}.event`, eventColumns, at)} returning seq`

export const lastOf = ({ name }: Server, rows: ReadonlyArray<PostgresRow.Answer>) =>
  checked(name, () =>
    rows.reduce((last, row) => Math.max(last, PostgresRow.numberIn(row, "seq")), 0)
  )

/** What a snapshot holds is only hidden. Answers the number of the last event, 0 where nobody went. */
export const leave = Effect.fnUntraced(function* (
  server: Server,
  { evicted, replaced }: Pick<Plan, "evicted" | "replaced">,
  at: number
) {
  const { ask, schema } = server
  const seqs = [...evicted, ...replaced]
  if (seqs.length === 0) return 0
  const told =
    (kind: Told["kind"]) =>
    (subject: number): Told => ({ kind, subject, priority: null, at })
  const held = `exists (select 1 from ${schema}.snapshot where max_seq >= trajectory.seq)`
  const rows = yield* ask(
    `with hidden as (
      update ${schema}.trajectory set gone = (select max(version) from ${schema}.snapshot)
      where seq = any($1) and gone is null and ${held}
    ), removed as (
      delete from ${schema}.trajectory where seq = any($1) and gone is null and not ${held}
    ) ${telling(schema, 2)}`,
    [
      PostgresRow.integers(seqs),
      ...PostgresRow.lists(eventColumns, [
        ...evicted.map(told("evicted")),
        ...replaced.map(told("replaced"))
      ])
    ]
  )
  return yield* lastOf(server, rows)
})

const trajectoryColumns = {
  seq: "bigint",
  ...PostgresRow.trajectoryColumns,
  shelf: "text",
  added_at: "bigint"
} as const

const stepColumns = { trajectory: "bigint", ...PostgresRow.stepColumns } as const

/** One statement for as many as are of about this many characters together, so that no message grows without bound. */
const messageSize = 4_000_000

/** One that is to be kept, by its number. */
export interface Staying extends Arrival {
  readonly seq: number
}

export const enter = Effect.fnUntraced(function* (
  server: Server,
  stays: ReadonlyArray<Staying>,
  at: number
) {
  const { ask, name, schema } = server
  const width = Object.keys(trajectoryColumns).length
  const depth = width + Object.keys(stepColumns).length
  const sql =
    `with t as (${PostgresRow.insertion(`${schema}.trajectory`, trajectoryColumns, 1)}), ` +
    `s as (${PostgresRow.insertion(`${schema}.step`, stepColumns, width + 1)}) ` +
    telling(schema, depth + 1)
  let last = 0
  for (const some of portions(stays)) {
    const parameters = yield* checked(name, () => parametersOf(some, at))
    last = yield* lastOf(server, yield* ask(sql, parameters))
  }
  return last
})

const parametersOf = (stays: ReadonlyArray<Staying>, at: number) => [
  ...PostgresRow.lists(
    trajectoryColumns,
    stays.map(({ coming, row, seq }) => ({
      ...row.trajectory,
      seq,
      shelf: shelfOf(coming),
      added_at: at
    }))
  ),
  ...PostgresRow.lists(
    stepColumns,
    stays.flatMap(({ row, seq }) => row.steps.map((step) => ({ ...step, trajectory: seq })))
  ),
  ...PostgresRow.lists(
    eventColumns,
    stays.map(({ seq }): Told => ({ kind: "added", subject: seq, priority: null, at }))
  )
]

const portions = (stays: ReadonlyArray<Staying>): ReadonlyArray<ReadonlyArray<Staying>> => {
  const all: Array<Array<Staying>> = []
  let room = 0
  for (const one of stays) {
    const size = sizeOf(one.row)
    if (size > room || all.length === 0) {
      all.push([])
      room = messageSize
    }
    all.at(-1)?.push(one)
    room -= size
  }
  return all
}

const sizeOf = ({ steps, trajectory }: Row): number =>
  [trajectory, ...steps].reduce(
    (sum, row) => Object.values(row).reduce((size, cell) => size + String(cell).length, sum),
    0
  )

/** So many events are there at least for those who ask seldom; who asks later than that reads everything anew. */
const remembered = 100_000

export const forget = Effect.fnUntraced(function* ({ horizon, server }: Held, last: number) {
  if (last - horizon < 2 * remembered) return
  const { ask, schema } = server
  const until = [PostgresRow.integer(last - remembered)]
  yield* ask(`delete from ${schema}.event where seq <= $1`, until)
  yield* ask(`update ${schema}.store set horizon = $1`, until)
})

/** What a snapshot holds it holds with its priority. Each `seq` once, and of those that are kept. */
export const setPriorities = Effect.fnUntraced(function* (
  server: Server,
  list: ReadonlyArray<Prioritised>,
  at: number
) {
  const { ask, schema } = server
  if (list.length === 0) return 0
  const rows = yield* ask(
    `with u as (select * from unnest($1::bigint[], $2::double precision[]) as u (seq, priority)),
    remembered as (
      insert into ${schema}.former_priority (trajectory, version, priority)
      select t.seq, held.version, t.priority from ${schema}.trajectory t join u using (seq)
      cross join lateral (select max(version) as version from ${schema}.snapshot where max_seq >= t.seq) held
      where held.version is not null and not exists (select 1 from ${schema}.former_priority former
        where former.trajectory = t.seq and former.version >= held.version)
    ), prioritised as (
      update ${schema}.trajectory t set priority = u.priority from u where t.seq = u.seq
    ) ${telling(schema, 3)}`,
    [
      PostgresRow.integers(list.map(({ seq }) => seq)),
      PostgresRow.numbers(list.map(({ priority }) => priority)),
      ...PostgresRow.lists(
        eventColumns,
        list.map(({ priority, seq }): Told => ({ kind: "prioritised", subject: seq, priority, at }))
      )
    ]
  )
  return yield* lastOf(server, rows)
})

/** What is kept now, by a number. */
export const snapshot = Effect.fnUntraced(function* (
  { ask, name, schema }: Server,
  count: number,
  at: number
) {
  const rows = yield* ask(
    `insert into ${schema}.snapshot (max_seq, trajectories, taken_at)
    select coalesce(max(seq), 0), $1, $2 from ${schema}.trajectory where gone is null
    returning version`,
    [count, at].map(PostgresRow.integer)
  )
  return yield* checked(name, () => PostgresRow.numberIn(rows[0] ?? {}, "version"))
})

/** What was kept at that snapshot is kept now, and nothing else. False where there is no such snapshot. */
export const restore = Effect.fnUntraced(function* (server: Server, version: number, at: number) {
  const { ask, name, schema } = server
  const [found] = yield* ask(`select max_seq from ${schema}.snapshot where version = $1`, [
    PostgresRow.integer(version)
  ])
  if (found === undefined) return false
  const maxSeq = yield* checked(name, () => PostgresRow.numberIn(found, "max_seq"))
  // What went before this snapshot may be held by an older one, however young it is.
  yield* ask(
    `delete from ${schema}.trajectory where seq > $1 and (gone is null or gone >= $2)`,
    [maxSeq, version].map(PostgresRow.integer)
  )
  for (const statement of restoring(schema)) yield* ask(statement, [PostgresRow.integer(version)])
  yield* ask(
    telling(schema, 1),
    PostgresRow.lists(eventColumns, [{ kind: "restored", subject: version, priority: null, at }])
  )
  return true
})

const restoring = (schema: string): ReadonlyArray<string> => [
  `delete from ${schema}.snapshot where version > $1`,
  `update ${schema}.trajectory set gone = null where gone >= $1`,
  `update ${schema}.trajectory t set priority = former.priority from (
    select distinct on (trajectory) trajectory, priority from ${schema}.former_priority
    where version >= $1 order by trajectory, version
  ) former where t.seq = former.trajectory`,
  `delete from ${schema}.former_priority where version >= $1`
]

/** Forgets a snapshot, and what only it held. False where there is no such snapshot. */
export const release = Effect.fnUntraced(function* ({ ask, schema }: Server, version: number) {
  const released = yield* ask(
    `delete from ${schema}.snapshot where version = $1 returning version`,
    [PostgresRow.integer(version)]
  )
  yield* ask(
    `delete from ${schema}.trajectory t where gone is not null and not exists
    (select 1 from ${schema}.snapshot where version <= t.gone and max_seq >= t.seq)`
  )
  yield* ask(
    `delete from ${schema}.former_priority former where not exists
    (select 1 from ${schema}.snapshot where snapshot.version <= former.version)`
  )
  return released.length === 1
})
