/**
 * How trajectories are read from PostgreSQL: whole, many at once, and only those that are still kept.
 * What was read lately is not asked for again.
 */
import type { ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type { Entry } from "../Kept.ts"
import * as StoreRow from "../store/StoreRow.ts"
import { failed } from "./PostgresFailure.ts"
import { follow } from "./PostgresFollowing.ts"
import type { Held } from "./PostgresHeld.ts"
import * as PostgresRow from "./PostgresRow.ts"
import { checked } from "./PostgresServer.ts"

type Failed = ReplayBuffer.ReplayBufferError
type Found = ReadonlyMap<number, Trajectory.Trajectory>

/** Trajectories that are read at once. */
const pageSize = 512

/** In their order, or undefined where one is not kept any more, which is known and told by then. */
export const read = Effect.fnUntraced(function* (
  held: Held,
  entries: ReadonlyArray<Entry>
): Effect.fn.Return<ReadonlyArray<Trajectory.Trajectory> | undefined, Failed> {
  const found = new Map<number, Trajectory.Trajectory>()
  const wanted: Array<number> = []
  for (const seq of new Set(entries.map((entry) => entry.seq))) {
    const trajectory = held.cache.get(seq)
    if (trajectory === undefined) wanted.push(seq)
    else found.set(seq, trajectory)
  }
  for (let at = 0; at < wanted.length; at += pageSize) {
    const some = yield* held.server.told(fetched(held, wanted.slice(at, at + pageSize)))
    for (const [seq, one] of some) found.set(seq, one)
  }
  const trajectories = entries.flatMap(({ seq }) => found.get(seq) ?? [])
  return trajectories.length === entries.length ? trajectories : undefined
})

/** What is still kept of the wanted. What is kept and not there, or not whole, is damage. */
const fetched = Effect.fnUntraced(function* (
  held: Held,
  seqs: ReadonlyArray<number>
): Effect.fn.Return<Found, Failed | SqlError> {
  const { name } = held.server
  const { stepsOf, trajectories } = yield* rowsOf(held, seqs)
  const whole = new Set(
    trajectories.filter((row) => stepsOf(row.seq).length === row.length).map(({ seq }) => seq)
  )
  // What another process took away between two questions is no damage.
  if (whole.size < seqs.length) yield* follow(held)
  const lost = seqs.find((seq) => !whole.has(seq) && held.kept.has(seq))
  if (lost !== undefined) {
    return yield* failed(
      name,
      "Corrupt",
      `row ${lost} is gone or not whole; restore it from a copy`
    )
  }
  const found = new Map<number, Trajectory.Trajectory>()
  for (const row of trajectories) {
    if (!whole.has(row.seq)) continue
    const one = StoreRow.trajectoryOf(row, stepsOf(row.seq))
    if (Result.isFailure(one)) {
      const what = `row ${row.seq} is no trajectory (${one.failure}); restore it from a copy`
      return yield* failed(name, "Corrupt", what)
    }
    found.set(row.seq, one.success)
    if (held.kept.has(row.seq)) held.cache.put(row.seq, one.success)
  }
  return found
})

const rowsOf = Effect.fnUntraced(function* ({ server }: Held, seqs: ReadonlyArray<number>) {
  const { ask, name, schema } = server
  const list = [PostgresRow.integers(seqs)]
  const trajectories = yield* ask(
    `select t.seq, ${PostgresRow.selected(PostgresRow.trajectoryColumns, "t")}
    from ${schema}.trajectory t where t.seq = any($1) and t.gone is null`,
    list
  )
  const steps = yield* ask(
    `select s.trajectory, ${PostgresRow.selected(PostgresRow.stepColumns, "s")}
    from ${schema}.step s where s.trajectory = any($1) order by s.trajectory, s.idx`,
    list
  )
  return yield* checked(name, () => {
    const byTrajectory = Map.groupBy(steps.map(PostgresRow.stepOf), (row) => row.trajectory)
    return {
      trajectories: trajectories.map(PostgresRow.trajectoryOf),
      stepsOf: (seq: number) => byTrajectory.get(seq) ?? []
    }
  })
})
