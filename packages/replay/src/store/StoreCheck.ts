/**
 * Whether a database holds what it says: every row is read back and compared with what its content makes of it.
 * It repairs nothing.
 */
import type { ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Kept from "../Kept.ts"
import type { Held } from "./StoreHeld.ts"
import * as StoreRow from "./StoreRow.ts"
import type { Fetched, FetchedTrajectory, TrajectoryRow } from "./StoreWire.ts"

const most = 100
const pageSize = 256

/** At most a hundred sentences; where there is more, the last one says so. */
export const verify = Effect.fn("Store.verify")(function* (
  held: Held
): Effect.fn.Return<ReadonlyArray<string>, ReplayBuffer.ReplayBufferError> {
  const findings = [...(yield* held.thread.ask({ kind: "soundness" }, (it) => it))]
  if (findings.length > 0) return findings
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: Fetched = yield* held.thread.ask(
      { kind: "page", after, count: pageSize },
      (it) => it
    )
    findings.push(...findingsOf(page))
    if (findings.length >= most) return [...findings.slice(0, most - 1), "and so on"]
    after = page.trajectories.at(-1)?.seq
  }
  return findings
})

const findingsOf = ({ steps, trajectories }: Fetched): ReadonlyArray<string> => {
  const stepsOf = Map.groupBy(steps, ({ trajectory }) => trajectory)
  return trajectories.flatMap((row) => {
    const read = StoreRow.trajectoryOf(row, stepsOf.get(row.seq) ?? [])
    return Result.isFailure(read)
      ? [`row ${row.seq} is no trajectory (${read.failure})`]
      : contradictions(row, read.success)
  })
}

/** Columns that say again what the content says. */
const derived = [
  "fingerprint",
  "environment",
  "task_id",
  "success",
  "failed",
  "source",
  "total_reward",
  "length",
  "real_steps"
] as const satisfies ReadonlyArray<keyof TrajectoryRow>

const contradictions = (
  row: FetchedTrajectory,
  trajectory: Trajectory.Trajectory
): ReadonlyArray<string> => {
  const again = StoreRow.rowUnsafe(Kept.comingOf(trajectory, () => row.quality)).trajectory
  return derived
    .filter((column) => again[column] !== row[column])
    .map(
      (column) => `row ${row.seq} says ${column} ${row[column]}, its content says ${again[column]}`
    )
}
