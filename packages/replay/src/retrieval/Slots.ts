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
const stratum = (isReal: boolean, bucket: number): string =>
  `${isReal ? "real" : "synthetic"}/${bucket}`

const passing = (table: Table, filter: Filter): Int32Array => {
  const lists = narrowest(table, filter)
  const total = lists.reduce((sum, list) => sum + list.length, 0)
  if (table.passing.length < total) table.passing = new Int32Array(total * 2)
  const task = filter.task === undefined ? any : table.tasks.numberOf(filter.task)
  const environment =
    filter.environment === undefined ? any : table.environments.numberOf(filter.environment)
  const count = collect(table, lists, {
    ...filter,
    taskNumber: task,
    environmentNumber: environment
  })
  return table.passing.subarray(0, count)
}

/** No slot has this number, and no key is unknown by it. */
const any = -2

interface Wanted extends Filter {
  readonly taskNumber: number
  readonly environmentNumber: number
}

/** Copies the slots that pass to `table.passing`; answers how many. */
const collect = (table: Table, lists: ReadonlyArray<Int32Array>, wanted: Wanted): number => {
  const { isReal, quality, version } = table.columns
  const [tasks, environments] = [table.tasks.column(), table.environments.column()]
  const { environmentNumber, taskNumber } = wanted
  const leastQuality = wanted.leastQuality ?? Number.NEGATIVE_INFINITY
  const leastVersion = wanted.leastVersion ?? Number.NEGATIVE_INFINITY
  const source = wanted.source === undefined ? any : Number(wanted.source === "Real")
  let count = 0
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const slot = list[i] ?? 0
      if (taskNumber !== any && tasks[slot] !== taskNumber) continue
      if (environmentNumber !== any && environments[slot] !== environmentNumber) continue
      if (source !== any && isReal[slot] !== source) continue
      if ((quality[slot] ?? 0) < leastQuality || (version[slot] ?? 0) < leastVersion) continue
      table.passing[count++] = slot
    }
  }
  return count
}

/** The shortest of the sets of lists that hold all that can pass. */
const narrowest = (table: Table, filter: Filter): ReadonlyArray<Int32Array> => {
  const ways = [strataOf(table, filter)]
  if (filter.task !== undefined) {
    ways.push([table.tasks.slots(table.tasks.numberOf(filter.task))])
  }
  if (filter.environment !== undefined) {
    ways.push([table.environments.slots(table.environments.numberOf(filter.environment))])
  }
  const length = (lists: ReadonlyArray<Int32Array>) =>
    lists.reduce((sum, list) => sum + list.length, 0)
  return ways.reduce((best, way) => (length(way) < length(best) ? way : best))
}

const strataOf = (table: Table, filter: Filter): ReadonlyArray<Int32Array> => {
  const first = filter.leastQuality === undefined ? 0 : bucketOf(filter.leastQuality)
  const range = Array.from({ length: buckets - first }, (_, i) => first + i)
  const sources = [true, false].filter(
    (isReal) => filter.source === undefined || isReal === (filter.source === "Real")
  )
  return sources.flatMap((isReal) =>
    range.map((bucket) => table.strata.slots(table.strata.numberOf(stratum(isReal, bucket))))
  )
}
