/**
 * Which text has which slot of the cache, and moving texts so that those decoded together lie side by
 * side: a run then reads one piece of memory, without a copy.
 */
import type { Cache } from "./Cache.ts"
import type { Row } from "./Row.ts"

/** The text in each slot. */
export type Slots = Array<Row | undefined>

/**
 * Gives a text a slot, if need be that of another that is not `isBusy`, which is then read again on its
 * next turn: of one that nobody waits for, or else of the one that has been silent longest. False where
 * all are busy.
 */
export const occupy = (slots: Slots, row: Row, isBusy: (row: Row) => boolean): boolean => {
  if (row.slot !== undefined) return true
  const free = slots.findIndex((one) => one === undefined)
  const slot = free < 0 ? dispensable(slots, isBusy)?.slot : free
  if (slot === undefined) return false
  const before = slots[slot]
  if (before !== undefined) forget(slots, before)
  slots[slot] = row
  row.slot = slot
  row.cached = 0
  return true
}

/** Takes a text's slot away, and with it what was cached. */
export const forget = (slots: Slots, row: Row): void => {
  if (row.slot !== undefined) slots[row.slot] = undefined
  row.slot = undefined
  row.cached = 0
}

const dispensable = (slots: Slots, isBusy: (row: Row) => boolean): Row | undefined =>
  slots
    .flatMap((row) => (row === undefined || isBusy(row) ? [] : [row]))
    .toSorted(
      (a, b) => Number(a.job !== undefined) - Number(b.job !== undefined) || a.used - b.used
    )[0]

/** Moves the texts into the slots from `from` on, in any order; gives them in that order. */
export const gather = (
  slots: Slots,
  cache: Cache,
  rows: ReadonlyArray<Row>,
  from: number
): ReadonlyArray<Row> => {
  const members = new Set(rows)
  const isHome = ({ slot = -1 }: Row) => slot >= from && slot < from + rows.length
  let to = from
  for (const row of rows.filter((one) => !isHome(one))) {
    while (isMember(members, slots[to])) to++
    exchange(slots, cache, row, to)
  }
  return slots.slice(from, from + rows.length).flatMap((row) => row ?? [])
}

const isMember = (members: ReadonlySet<Row>, row: Row | undefined): boolean =>
  row !== undefined && members.has(row)

const exchange = (slots: Slots, cache: Cache, row: Row, to: number): void => {
  const { slot } = row
  if (slot === undefined) return
  const other = slots[to]
  cache.exchange(slot, to, Math.max(row.cached, other?.cached ?? 0))
  slots[slot] = other
  if (other !== undefined) other.slot = slot
  slots[to] = row
  row.slot = to
}
