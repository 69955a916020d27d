/**
 * What is written to an open database: additions with their evictions, priorities, vectors, snapshots, and what is pruned.
 * It commits nothing; `StoreWorker` says when.
 */
import type { SQLInputValue, SQLOutputValue } from "node:sqlite"
import { type Kind, type Quotas, room, type Shelf, shelves, takesThePlaceOf } from "../Quotas.ts"
import { type Engine, recount } from "./StoreEngine.ts"
import { marks, stepColumns, trajectoryColumns } from "./StoreStatements.ts"
import type {
  EmbedRequest,
  Placed,
  PrioritiseRequest,
  PruneAnswer,
  PruneRequest,
  Row
} from "./StoreWire.ts"

type SqlRow = Readonly<Record<string, SQLOutputValue>>

/** Each content once; `takesThePlaceOf` says which. */
export const add = (engine: Engine, rows: ReadonlyArray<Row>, at: number): ReadonlyArray<Placed> =>
  rows.map((row) => {
    const { fingerprint, source, verdict } = row.trajectory
    const twin = engine.run.twin.get(fingerprint)
    if (twin !== undefined && !takesThePlaceOf(kindOf({ source, verdict }), kindOf(twin))) {
      return { evicted: [] }
    }
    const evicted =
      twin === undefined ? [] : [drop(engine, seqOf(twin), shelfOf(twin), "replaced", at)]
    const seq = insert(engine, row, at)
    return { seq, evicted: [...evicted, ...evict(engine, engine.quotas, at).map(seqOf)] }
  })

const kindOf = ({ shelf, source, verdict }: SqlRow): Kind => ({
  isReal: source === "real",
  isRejected: shelf === "rejected" || verdict === "rejected"
})

const insert = (engine: Engine, { steps, trajectory }: Row, at: number): number => {
  const { counts, run } = engine
  const values = trajectoryColumns.map((column): SQLInputValue => trajectory[column])
  const seq = Number(run.insert.run(...values, at).lastInsertRowid)
  for (const step of steps) {
    run.insertStep.run(seq, ...stepColumns.map((column): SQLInputValue => step[column]))
  }
  const { source, verdict } = trajectory
  counts[verdict === "rejected" ? "rejected" : source === "real" ? "real" : "synthetic"]++
  return seq
}

interface Gone {
  readonly seq: number
  readonly shelf: Shelf
}

/** The worst, then the oldest, of each shelf that is over its quota. */
const evict = (engine: Engine, quotas: Quotas, at: number): ReadonlyArray<Gone> => {
  const { counts, run } = engine
  const evicted: Array<Gone> = []
  for (const shelf of shelves) {
    while (counts[shelf] > room(quotas, shelf, counts.real)) {
      const worst = run.worst.get(shelf)
      if (worst === undefined) break
      evicted.push({ seq: drop(engine, seqOf(worst), shelf, "evicted", at), shelf })
    }
  }
  return evicted
}

/** What a snapshot holds is only hidden. */
const drop = (
  { counts, run }: Engine,
  seq: number,
  shelf: Shelf,
  kind: "evicted" | "replaced",
  at: number
): number => {
  ;(isHeld(run, seq) ? run.hide : run.remove).run(seq)
  run.tell.run(kind, seq, at)
  counts[shelf]--
  return seq
}

const isHeld = (run: Engine["run"], seq: number): boolean =>
  run.newestSnapshot.get(seq)?.["version"] !== null

const seqOf = ({ seq }: { readonly seq?: SQLOutputValue }): number => Number(seq)

/** The column is generated, so that it is one of these. */
const shelfOf = (row: SqlRow): Shelf => shelves.find((shelf) => shelf === row["shelf"]) ?? "real"

/**
 * Makes `rows` all that is kept, in this order; answers their numbers. What is there already, in its place, stays as it is, except
 * that it gets the priority of its row.
 */
export const replace = (
  engine: Engine,
  rows: ReadonlyArray<Row>,
  at: number
): ReadonlyArray<number> => {
  const { run } = engine
  const kept = run.kept.all()
  const isSame = (i: number) => marks.every((mark) => kept[i]?.[mark] === rows[i]?.trajectory[mark])
  let same = 0
  while (same < Math.min(kept.length, rows.length) && isSame(same)) same++
  for (const row of kept.slice(same)) {
    ;(isHeld(run, seqOf(row)) ? run.hide : run.remove).run(seqOf(row))
  }
  const stayed = kept.slice(0, same)
  stayed.forEach((row, i) => {
    const priority = rows[i]?.trajectory.priority
    if (priority !== undefined && row["priority"] !== priority) {
      setPriority(engine, seqOf(row), priority)
    }
  })
  const added = rows.slice(same).map((row) => insert(engine, row, at))
  recount(engine)
  return [...stayed.map(seqOf), ...added]
}

export const prioritise = (engine: Engine, { priorities, seqs }: PrioritiseRequest): boolean => {
  seqs.forEach((seq, i) => setPriority(engine, seq, priorities[i] ?? 0))
  return true
}

/** What a snapshot holds it holds with its priority. */
const setPriority = ({ run }: Engine, seq: number, priority: number): void => {
  run.rememberPriority.run({ seq })
  run.prioritise.run(priority, seq)
}

/** Of other spaces nothing stays. */
export const embed = (engine: Engine, request: EmbedRequest): boolean => {
  const { dimension, embedder, seqs, vectors } = request
  const space = JSON.stringify([embedder, dimension])
  if (engine.space !== space) {
    engine.database
      .prepare("delete from embedding where embedder <> ? or dimension <> ?")
      .run(embedder, dimension)
    engine.space = space
  }
  vectors.forEach((one, i) => engine.run.embed.run(embedder, dimension, one, seqs[i] ?? 0))
  return true
}

/** What is kept now, by a number. */
export const snapshot = ({ counts, database }: Engine, at: number): number =>
  Number(
    database
      .prepare(
        "insert into snapshot (max_seq, trajectories, taken_at) " +
          "select coalesce(max(seq), 0), ?, ? from trajectory where gone is null"
      )
      .run(counts.real + counts.synthetic + counts.rejected, at).lastInsertRowid
  )

/** What was kept at that snapshot is kept now, and nothing else. False where there is no such snapshot. */
export const restore = (engine: Engine, version: number, at: number): boolean => {
  const { database } = engine
  const found = database.prepare("select max_seq from snapshot where version = ?").get(version)
  if (found === undefined) return false
  const maxSeq = Number(found["max_seq"])
  // What went before this snapshot may be held by an older one, however young it is.
  database
    .prepare("delete from trajectory where seq > ? and (gone is null or gone >= ?)")
    .run(maxSeq, version)
  database.prepare("delete from snapshot where version > ?").run(version)
  database.prepare("update trajectory set gone = null where gone >= ?").run(version)
  database
    .prepare(
      "update trajectory set priority = (select former.priority from former_priority former " +
        "where former.trajectory = seq and version >= $version order by version limit 1) " +
        "where seq in (select trajectory from former_priority where version >= $version)"
    )
    .run({ version })
  database.prepare("delete from former_priority where version >= ?").run(version)
  engine.run.tell.run("restored", version, at)
  recount(engine)
  return true
}

/** Forgets a snapshot, and the rows that only it held. */
export const release = ({ database }: Engine, version: number): boolean => {
  const { changes } = database.prepare("delete from snapshot where version = ?").run(version)
  database.exec(
    "delete from trajectory where gone is not null and not exists " +
      "(select 1 from snapshot where version <= gone and max_seq >= trajectory.seq); " +
      "delete from former_priority where not exists " +
      "(select 1 from snapshot where snapshot.version <= former_priority.version)"
  )
  return changes === 1
}

export const prune = (engine: Engine, request: PruneRequest): PruneAnswer => {
  const { at, leastModelVersion, leastQuality, quotas, rejected, source } = request
  const chosen = engine.run.pruned.all({
    source: source ?? null,
    rejected: rejected === true ? 1 : 0,
    leastQuality: leastQuality ?? null,
    leastModelVersion: leastModelVersion ?? null
  })
  const gone = chosen.map((row) => ({ seq: seqOf(row), shelf: shelfOf(row) }))
  for (const { seq, shelf } of gone) drop(engine, seq, shelf, "evicted", at)
  const all = [...gone, ...evict(engine, quotas ?? {}, at)]
  const went = { real: 0, synthetic: 0, rejected: 0 }
  for (const { shelf } of all) went[shelf]++
  const evicted = all.map(seqOf)
  return { evicted, went, held: evicted.filter((seq) => isHeld(engine.run, seq)).length }
}
