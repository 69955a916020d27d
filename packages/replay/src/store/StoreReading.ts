/**
 * What is read from an open database: the numbers of all that is kept, some of it whole, its vectors, and whether the file is sound.
 * It changes nothing and makes no trajectories of the rows; that is for `StoreRow`.
 */
import type { SQLOutputValue } from "node:sqlite"
import { shelves } from "../Quotas.ts"
import { atOnce, type Engine, numberOf } from "./StoreEngine.ts"
import { Refused } from "./StoreFailure.ts"
import type {
  Answers,
  Dictionary,
  Fetched,
  FetchedStep,
  FetchedTrajectory,
  Index,
  VectorsRequest
} from "./StoreWire.ts"

/**
 * The numbers of all that is kept, oldest first, in one pass: this is most of what opening takes. Rows are arrays here, which the
 * types of `node:sqlite` call records.
 */
export const index = (engine: Engine): Index => {
  engine.dataVersion = dataVersionOf(engine)
  const rows = engine.run.index.all()
  const [ids, environments, tasks] = [Array<string>(), dictionary(), dictionary()]
  const result = {
    seqs: new Float64Array(rows.length),
    flags: new Uint8Array(rows.length),
    lengths: new Uint32Array(rows.length),
    realSteps: new Uint32Array(rows.length),
    qualities: new Float64Array(rows.length),
    versions: new Float64Array(rows.length),
    priorities: new Float64Array(rows.length)
  }
  const { flags, lengths, priorities, qualities, realSteps, seqs, versions } = result
  rows.forEach((row, i) => {
    seqs[i] = Number(row[0])
    ids.push(text(row[1]))
    environments.take(text(row[2]))
    tasks.take(text(row[3]))
    flags[i] = Number(row[4])
    lengths[i] = Number(row[5])
    realSteps[i] = Number(row[6])
    qualities[i] = Number(row[7])
    versions[i] = Number(row[8])
    priorities[i] = Number(row[9])
  })
  return { ...result, ids, environments: environments.made(), tasks: tasks.made() }
}

/** Takes texts in turn. */
const dictionary = () => {
  const places = new Map<string, number>()
  const at: Array<number> = []
  return {
    take: (word: string): void => {
      const place = places.get(word) ?? places.size
      if (place === places.size) places.set(word, place)
      at.push(place)
    },
    made: (): Dictionary => ({ words: [...places.keys()], at: Uint32Array.from(at) })
  }
}

const dataVersionOf = ({ run }: Engine): number => Number(run.dataVersion.get()?.["data_version"])

export const hasChanged = (engine: Engine): boolean => dataVersionOf(engine) !== engine.dataVersion

/** A few rows at most, and not asked often: not worth a prepared statement. */
export const dates = ({ database }: Engine): Answers["dates"] => {
  const [times] = database
    .prepare(
      "select min(added_at) as first, max(added_at) as last from trajectory where gone is null"
    )
    .all()
  const rows = database
    .prepare("select version, trajectories, taken_at from snapshot order by version")
    .all()
  const snapshots = rows.map((row) => ({
    version: Number(row["version"]),
    trajectories: Number(row["trajectories"]),
    takenAt: Number(row["taken_at"])
  }))
  const [first, last] = [times?.["first"] ?? undefined, times?.["last"] ?? undefined]
  return first === undefined
    ? { snapshots }
    : { snapshots, added: { first: Number(first), last: Number(last) } }
}

/** Those of `seqs` that are kept, in no order; the steps in theirs. */
export const fetch = (engine: Engine, seqs: ReadonlyArray<number>): Fetched =>
  atOnce(engine, () => withSteps(engine, engine.run.fetch.all(JSON.stringify(seqs))))

export const page = (engine: Engine, after: number, count: number): Fetched =>
  atOnce(engine, () => withSteps(engine, engine.run.page.all(after, count)))

const withSteps = ({ run }: Engine, rows: ReadonlyArray<SqlRow>): Fetched => {
  const trajectories = rows.map(trajectoryOf)
  const steps = run.steps.all(JSON.stringify(trajectories.map(({ seq }) => seq)))
  return { trajectories, steps: steps.map(stepOf) }
}

/** Every blob has a buffer of its own, so that it can be handed over without a copy. */
export const vectors = (engine: Engine, request: VectorsRequest): Answers["vectors"] => {
  const { after, bytes, dimension, embedder } = request
  const page = { seqs: Array<number>(), vectors: Array<Float32Array>() }
  let size = 0
  for (const row of engine.run.vectors.iterate(after, embedder, dimension)) {
    const [seq, length, blob] = [row[0], row[1], row[2]]
    page.seqs.push(Number(seq))
    page.vectors.push(vectorsOf(Number(seq), Number(length) * dimension, blob))
    size += page.vectors.at(-1)?.byteLength ?? 0
    if (size >= bytes) break
  }
  return page
}

const vectorsOf = (seq: number, count: number, blob: SQLOutputValue | undefined) => {
  const bytes = blob instanceof Uint8Array ? blob : new Uint8Array()
  if (bytes.byteLength === 4 * count) return new Float32Array(bytes.buffer, bytes.byteOffset, count)
  throw new Refused(
    "Embedding",
    `the vectors of row ${seq} should be ${count} numbers, they are ${bytes.byteLength} bytes; ` +
      "`delete from embedding` throws all vectors away, and they are made again"
  )
}

/** What is wrong, sentence by sentence; nothing in a sound file. */
export const soundness = (engine: Engine): ReadonlyArray<string> => {
  const { database } = engine
  const said = database.prepare("pragma integrity_check(20)").all()
  const damage = said.map((row) => String(row["integrity_check"])).filter((it) => it !== "ok")
  // What the pages say means nothing where they are damaged.
  if (damage.length > 0) return damage
  return [
    ...database
      .prepare("pragma foreign_key_check")
      .all()
      .map((row) => `row ${row["rowid"]} of ${row["table"]} belongs to no row of ${row["parent"]}`),
    ...database
      .prepare(shortVectors)
      .all()
      .map((row) => String(row["finding"])),
    ...(engine.isReadOnly ? [] : miscounts(engine))
  ]
}

const shortVectors =
  "select 'the vectors of row ' || seq || ' should be of ' || (4 * dimension * trajectory.length) || " +
  "' bytes, they are of ' || length(vectors) as finding from embedding " +
  "join trajectory on seq = trajectory where length(vectors) <> 4 * dimension * trajectory.length"

const miscounts = ({ counts, database }: Engine): ReadonlyArray<string> =>
  shelves.flatMap((shelf) => {
    const kept = `select count(*) from trajectory where gone is null and shelf = '${shelf}'`
    const count = numberOf(database, kept)
    return count === counts[shelf]
      ? []
      : [`there are ${count} ${shelf} trajectories, ${counts[shelf]} were counted`]
  })

type SqlRow = Readonly<Record<string, SQLOutputValue>>

const trajectoryOf = (row: SqlRow): FetchedTrajectory => ({
  seq: Number(row["seq"]),
  fingerprint: text(row["fingerprint"]),
  id: text(row["id"]),
  environment: text(row["environment"]),
  task_id: text(row["task_id"]),
  task: text(row["task"]),
  first_observation: text(row["first_observation"]),
  ending: text(row["ending"]),
  success: Number(row["success"]),
  failed: Number(row["failed"]),
  policy: text(row["policy"]),
  policy_version: Number(row["policy_version"]),
  source: text(row["source"]),
  total_reward: numberOrNull(row["total_reward"]),
  length: Number(row["length"]),
  real_steps: Number(row["real_steps"]),
  quality: Number(row["quality"]),
  priority: Number(row["priority"]),
  iteration: numberOrNull(row["iteration"]),
  verdict: textOrNull(row["verdict"]),
  reason: textOrNull(row["reason"]),
  verdict_message: textOrNull(row["verdict_message"]),
  verdict_scores: textOrNull(row["verdict_scores"])
})

// Of steps there are many: rows are arrays here, half the time of rows as objects, and the names are in the order of `stepColumns`.
const stepOf = (row: SqlRow): FetchedStep => {
  const [
    trajectory,
    idx,
    observation,
    action,
    tool_call,
    span,
    reward,
    next_observation,
    source,
    origin,
    origin_version,
    retrieved,
    reasoning,
    scores,
    cost,
    prompt_hash,
    prompt_tokens,
    completion_tokens,
    latency
  ] = Object.values(row)
  return {
    trajectory: Number(trajectory),
    idx: Number(idx),
    observation: textOrNull(observation),
    action: text(action),
    tool_call: textOrNull(tool_call),
    span: textOrNull(span),
    reward: numberOrNull(reward),
    next_observation: text(next_observation),
    source: text(source),
    origin: text(origin),
    origin_version: text(origin_version),
    retrieved: textOrNull(retrieved),
    reasoning: textOrNull(reasoning),
    scores: textOrNull(scores),
    cost: numberOrNull(cost),
    prompt_hash: textOrNull(prompt_hash),
    prompt_tokens: numberOrNull(prompt_tokens),
    completion_tokens: numberOrNull(completion_tokens),
    latency: numberOrNull(latency)
  }
}

// The tables are strict: a column holds what it says, so that these conversions change nothing.
const text = (value: SQLOutputValue | undefined): string => String(value)

const textOrNull = (value: SQLOutputValue | undefined): string | null =>
  value === null || value === undefined ? null : text(value)

const numberOrNull = (value: SQLOutputValue | undefined): number | null =>
  value === null || value === undefined ? null : Number(value)
