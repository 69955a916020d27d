/**
 * What is known of each vector beside its numbers, in columns, and which slots a filter lets through.
 * It holds no vector and computes no likeness.
 */
import * as Postings from "./Postings.ts"

/** `quality` in [0, 1] as a rule; `version` is that of the policy that acted (-1: none). */
export interface Attributes {
  readonly sequence: number
  readonly isReal: boolean
  readonly task: string
  readonly environment: string
  readonly trajectory: string
  readonly quality: number
  readonly version: number
}

/** All that is named must hold; `leastQuality` and `leastVersion` are inclusive. */
export interface Filter {
  readonly source?: "Real" | "Synthetic"
  readonly task?: string
  readonly environment?: string
  readonly leastQuality?: number
  readonly leastVersion?: number
}

/** `norms[slot]` is the length of the vector, for the caller to write. Columns are valid until `add`. */
export interface Slots {
  readonly size: () => number
  /** One more than the greatest slot ever used. */
  readonly used: () => number
  readonly slotOf: (sequence: number) => number | undefined
  readonly add: (attributes: Attributes) => number
  readonly remove: (sequence: number) => void
  readonly columns: () => Columns
  /** Number of a trajectory as in `trajectories()`; -1 where it has no slot. */
  readonly trajectoryOf: (id: string) => number
  readonly trajectories: () => Int32Array
  /** The slots that pass, in no order; valid until the next call. */
  readonly passing: (filter: Filter) => Int32Array
}

export interface Columns {
  readonly sequences: Float64Array
  readonly norms: Float64Array
  readonly quality: Float64Array
  readonly version: Float64Array
  readonly isReal: Uint8Array
}

interface Table {
  readonly bySequence: Map<number, number>
  readonly free: Array<number>
  readonly tasks: Postings.Postings
  readonly environments: Postings.Postings
  readonly trajectories: Postings.Postings
  /** By source and range of quality: every slot is in one. */
  readonly strata: Postings.Postings
  columns: Columns
  used: number
  passing: Int32Array
}

export const make = (): Slots => {
  const table: Table = {
    bySequence: new Map(),
    free: [],
    tasks: Postings.make(),
    environments: Postings.make(),
    trajectories: Postings.make(),
    strata: Postings.make(),
    columns: columnsOf(64),
    used: 0,
    passing: new Int32Array(0)
  }
  return {
    size: () => table.bySequence.size,
    used: () => table.used,
    slotOf: (sequence) => table.bySequence.get(sequence),
    add: (attributes) => add(table, attributes),
    remove: (sequence) => remove(table, sequence),
    columns: () => table.columns,
    trajectoryOf: table.trajectories.numberOf,
    trajectories: table.trajectories.column,
    passing: (filter) => passing(table, filter)
  }
}

const columnsOf = (length: number): Columns => ({
  sequences: new Float64Array(length),
  norms: new Float64Array(length),
  quality: new Float64Array(length),
  version: new Float64Array(length),
  isReal: new Uint8Array(length)
})

const add = (table: Table, attributes: Attributes): number => {
  const slot = table.free.pop() ?? table.used++
  if (slot >= table.columns.isReal.length) table.columns = widened(table.columns)
  const { isReal, quality, sequences, version } = table.columns
  sequences[slot] = attributes.sequence
  quality[slot] = attributes.quality
  version[slot] = attributes.version
  isReal[slot] = Number(attributes.isReal)
  table.tasks.add(slot, attributes.task)
  table.environments.add(slot, attributes.environment)
  table.trajectories.add(slot, attributes.trajectory)
  table.strata.add(slot, stratum(attributes.isReal, bucketOf(attributes.quality)))
  table.bySequence.set(attributes.sequence, slot)
  return slot
}

const widened = (columns: Columns): Columns => {
  const wider = columnsOf(columns.isReal.length * 2)
  wider.sequences.set(columns.sequences)
  wider.norms.set(columns.norms)
  wider.quality.set(columns.quality)
  wider.version.set(columns.version)
  wider.isReal.set(columns.isReal)
  return wider
}

const remove = (table: Table, sequence: number): void => {
  const slot = table.bySequence.get(sequence)
  if (slot === undefined) return
  table.bySequence.delete(sequence)
  table.free.push(slot)
  for (const postings of [table.tasks, table.environments, table.trajectories, table.strata]) {
    postings.remove(slot)
  }
}

const buckets = 16
const bucketOf = (quality: number): number =>
  Math.max(0, Math.min(buckets - 1, Math.floor(quality * buckets)))
const strata = ["synthetic", "real"].map((source) =>
  Array.from({ length: buckets }, (_, bucket) => `${source}/${bucket}`)
)
const stratum = (isReal: boolean, bucket: number): string => strata[Number(isReal)]?.[bucket] ?? ""

const passing = (table: Table, filter: Filter): Int32Array => {
  const lists = narrowest(table, filter)
  const total = lengthOf(lists)
  if (table.passing.length < total) table.passing = new Int32Array(total * 2)
  let count = 0
  for (const { left, slots } of lists) count = collect(table, slots, testsOf(table, left), count)
  return table.passing.subarray(0, count)
}

/** Copies the slots that pass to `table.passing` from `start` on; answers where it ended. */
const collect = (
  table: Table,
  slots: ReadonlyArray<number>,
  tests: ReadonlyArray<(slot: number) => boolean>,
  start: number
): number => {
  const { passing } = table
  let count = start
  for (const slot of slots) {
    passing[count] = slot
    if (tests.every((test) => test(slot))) count++
  }
  return count
}

const testsOf = (table: Table, filter: Filter): ReadonlyArray<(slot: number) => boolean> => {
  const { environment, leastQuality, leastVersion, source, task } = filter
  const { isReal, quality, version } = table.columns
  const tests: Array<(slot: number) => boolean> = []
  const has = (postings: Postings.Postings, key: string) => {
    const [number, column] = [postings.numberOf(key), postings.column()]
    tests.push((slot) => column[slot] === number)
  }
  if (task !== undefined) has(table.tasks, task)
  if (environment !== undefined) has(table.environments, environment)
  if (source !== undefined) tests.push((slot) => isReal[slot] === Number(source === "Real"))
  if (leastQuality !== undefined) tests.push((slot) => (quality[slot] ?? 0) >= leastQuality)
  if (leastVersion !== undefined) tests.push((slot) => (version[slot] ?? 0) >= leastVersion)
  return tests
}

/** Some slots, and what is left of the filter to test them by. */
interface List {
  readonly slots: ReadonlyArray<number>
  readonly left: Filter
}

const lengthOf = (lists: ReadonlyArray<List>): number =>
  lists.reduce((sum, { slots }) => sum + slots.length, 0)

/** The shortest of the sets of lists that hold all that can pass. */
const narrowest = (table: Table, filter: Filter): ReadonlyArray<List> => {
  const ways = [strataOf(table, filter)]
  const { environment, task, ...others } = filter
  if (task !== undefined) {
    const slots = table.tasks.slots(table.tasks.numberOf(task))
    ways.push([{ slots, left: environment === undefined ? others : { ...others, environment } }])
  }
  if (environment !== undefined) {
    const slots = table.environments.slots(table.environments.numberOf(environment))
    ways.push([{ slots, left: task === undefined ? others : { ...others, task } }])
  }
  return ways.reduce((best, way) => (lengthOf(way) < lengthOf(best) ? way : best))
}

/** Only the first range of quality may hold some that are below the least. */
const strataOf = (
  table: Table,
  { leastQuality, source, ...others }: Filter
): ReadonlyArray<List> => {
  const first = leastQuality === undefined ? 0 : bucketOf(leastQuality)
  const range = Array.from({ length: buckets - first }, (_, i) => first + i)
  const sources = [true, false].filter(
    (isReal) => source === undefined || isReal === (source === "Real")
  )
  return sources.flatMap((isReal) =>
    range.map((bucket) => ({
      slots: table.strata.slots(table.strata.numberOf(stratum(isReal, bucket))),
      left: leastQuality === undefined || bucket > first ? others : { ...others, leastQuality }
    }))
  )
}
