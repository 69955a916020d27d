/**
 * One run of a model over the texts that need it: what they are fed, and what becomes of the answer.
 * Who takes part is `Batch`'s business.
 */
import type { Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type { Cache, Source } from "./Cache.ts"
import { DecodingError } from "./DecodingError.ts"
import * as Row from "./Row.ts"
import * as Sampler from "./Sampler.ts"
import type { Kind, Sessions } from "./Sessions.ts"
import * as Slots from "./Slots.ts"

/** What runs work on. */
export interface Site {
  readonly vocabularySize: number
  readonly capacity: number
  readonly chunk: number
  readonly sessions: Sessions
  readonly cache: Cache
  readonly slots: Slots.Slots
  /** Settles a request. */
  readonly settle: (job: Row.Job, outcome: Row.Generated | DecodingError) => void
}

/** Tokens of one text that one run reads, and of all its texts: more would only take more memory. */
const longestPiece = 128
const largestPiece = 4096

/** Reads a piece of what these texts have not read, into the slots from `from` on. */
export const read = Effect.fnUntraced(function* (
  site: Site,
  jobs: ReadonlyArray<Row.Job>,
  from: number
): Effect.fn.Return<void, Session.SessionError> {
  const longest = Math.max(...jobs.map(({ row }) => Row.pending(row) - 1))
  const width = Math.min(longest, longestPiece)
  const some = jobs.slice(0, Math.max(1, Math.floor(largestPiece / width)))
  const rows = Slots.gather(
    site.slots,
    site.cache,
    some.map(({ row }) => row),
    from
  )
  const counts = rows.map((row) => Math.min(width, Row.pending(row) - 1))
  const ids = new BigInt64Array(rows.length * width)
  for (const [b, { cached, ids: all }] of rows.entries())
    for (let t = 0; t < (counts[b] ?? 0); t++) ids[b * width + t] = BigInt(all[cached + t] ?? 0)
  const working = rows.map(({ job }) => job)
  const outputs = yield* run(site, "reading", rows, { ids })
  site.cache.reserve(0, Math.max(...rows.map(({ cached }) => cached)) + width)
  for (const [b, row] of rows.entries()) {
    const count = counts[b] ?? 0
    // A text whose request was taken back meanwhile may no longer have these tokens.
    if (row.job === undefined || row.job !== working[b]) continue
    keep(site, row, count, { outputs, row: b, width })
    row.job.read += count
  }
})

/** Says the next tokens of these texts, which have one token left to read each. */
export const say = Effect.fnUntraced(function* (
  site: Site,
  jobs: ReadonlyArray<Row.Job>
): Effect.fn.Return<void, Session.SessionError> {
  const members = jobs.map(({ row }) => row)
  const rows = Slots.gather(site.slots, site.cache, members, 0)
  const working = rows.flatMap(({ job }) => job ?? [])
  const isMasked = working.some(Row.isStepwise)
  const limits = working.map((job) => Row.room(job, site.capacity))
  const steps = isMasked ? 1 : Math.min(site.chunk, Math.max(...limits))
  const outputs = yield* run(site, isMasked ? "masked" : "loop", rows, {
    ...feedsOf(site, working, limits, steps),
    ...(isMasked ? { allowed: masksOf(site, working) } : {})
  })
  const said = resultsOf(outputs)
  const width = said.tokens.length / rows.length
  site.cache.reserve(0, Math.max(...rows.map(({ cached }) => cached)) + width)
  for (const [b, job] of working.entries()) {
    if (job.row.job !== job) continue
    // The caller's own `isOver` may break; that is no fault of the others.
    yield* Effect.catchDefect(
      Effect.sync(() => take(site, job, { outputs, row: b, width }, said)),
      (cause) => Effect.sync(() => site.settle(job, broken(cause)))
    )
  }
})

/** What a request ends with that met a fault in a program, ours or its own. */
export const broken = (cause: unknown) =>
  new DecodingError({
    reason: "EngineFailed",
    message: `a function broke: ${String(cause)}`,
    cause
  })

const run = (
  { cache, sessions }: Site,
  kind: Kind,
  rows: ReadonlyArray<Row.Row>,
  feeds: Session.Feeds
) =>
  Effect.flatMap(sessions.get(kind), (session) =>
    session.run({
      ...feeds,
      ...cache.feeds(rows[0]?.slot ?? 0, rows.length),
      length: BigInt64Array.from(rows, ({ cached }) => BigInt(cached))
    })
  )

const feedsOf = (
  { vocabularySize }: Site,
  jobs: ReadonlyArray<Row.Job>,
  limits: ReadonlyArray<number>,
  steps: number
): Session.Feeds => {
  const rows = jobs.length
  const stopsOf = ({ request }: Row.Job) =>
    request.allowed === undefined ? (request.stops ?? []) : []
  const widest = Math.max(1, ...jobs.map((job) => stopsOf(job).length))
  const stops = new BigInt64Array(rows * widest).fill(-1n)
  const uniforms = new Float32Array(steps * rows)
  for (const [b, job] of jobs.entries()) {
    for (const [at, id] of stopsOf(job).entries()) stops[b * widest + at] = BigInt(id)
    for (let step = 0; step < steps; step++)
      uniforms[step * rows + b] = Row.uniform(job, job.said.length + step)
  }
  return {
    steps: BigInt64Array.of(BigInt(steps)),
    isOn: Uint8Array.of(1),
    token: BigInt64Array.from(jobs, ({ row }) => BigInt(row.ids[row.cached] ?? 0)),
    limit: BigInt64Array.from(limits, BigInt),
    stops,
    uniforms,
    ...Sampler.feedsOf(
      jobs.map(({ sampling }) => sampling),
      vocabularySize
    )
  }
}

/** 1 at the ids that each text may say next, [B, V]. */
const masksOf = ({ vocabularySize }: Site, jobs: ReadonlyArray<Row.Job>): Uint8Array => {
  const masks = new Uint8Array(jobs.length * vocabularySize)
  for (const [b, { constraint }] of jobs.entries()) {
    const start = b * vocabularySize
    if (constraint === undefined) masks.fill(1, start, start + vocabularySize)
    else for (const id of constraint.next.keys()) masks[start + id] = 1
  }
  return masks
}

interface Results {
  readonly tokens: BigInt64Array
  readonly logProbabilities: Float32Array
  readonly values: Float32Array | undefined
  readonly possible: Uint8Array | undefined
}

const resultsOf = (outputs: { readonly [name: string]: unknown }): Results => {
  const { logProbabilities, possible, tokens, values } = outputs
  return {
    tokens: tokens instanceof BigInt64Array ? tokens : new BigInt64Array(0),
    logProbabilities:
      logProbabilities instanceof Float32Array ? logProbabilities : new Float32Array(0),
    values: values instanceof Float32Array ? values : undefined,
    possible: possible instanceof Uint8Array ? possible : undefined
  }
}

const keep = ({ cache }: Site, row: Row.Row, count: number, source: Source): void => {
  if (row.slot === undefined) return
  cache.write(row.slot, row.cached, count, source)
  row.cached += count
}

/** Takes the tokens said for a request up to its end; what comes after that means nothing. */
const take = (site: Site, job: Row.Job, source: Source, said: Results): void => {
  const { row: b, width } = source
  const rows = said.tokens.length / width
  let finish: Row.Generated["finish"] | undefined
  let count = 0
  job.value ??= said.values?.[b]
  while (count < width && finish === undefined) {
    const at = count * rows + b
    const logProbability = said.logProbabilities[at] ?? Number.NaN
    if (Number.isNaN(logProbability)) return fail(site, job)
    const token = { id: Number(said.tokens[at] ?? 0n), logProbability }
    const choices = choicesOf(site, job, said.possible, b)
    finish = Row.push(job, token, choices, site.capacity)
    count++
  }
  keep(site, job.row, count, source)
  job.read += count
  finish ??= Row.pushForced(job, site.capacity)
  if (finish !== undefined) site.settle(job, Row.generated(job, finish))
}

/** The ids that a token was chosen from, where that was asked for. */
const choicesOf = (
  { vocabularySize }: Site,
  job: Row.Job,
  possible: Uint8Array | undefined,
  b: number
): ReadonlyArray<number> => {
  if (possible === undefined || !Row.isStepwise(job)) return []
  const start = b * vocabularySize
  const choices: Array<number> = []
  const among = job.constraint?.next.keys() ?? Array(vocabularySize).keys()
  for (const id of among) if (possible[start + id] === 1) choices.push(id)
  return choices
}

const fail = (site: Site, job: Row.Job): void => {
  if (job.row.slot !== undefined) site.cache.clear(job.row.slot)
  job.row.cached = 0
  site.settle(
    job,
    new DecodingError({
      reason: "NotFinite",
      message:
        `after ${job.row.ids.length} tokens the network gives no numbers; ` +
        "look for NaN or infinity in the parameters"
    })
  )
}
