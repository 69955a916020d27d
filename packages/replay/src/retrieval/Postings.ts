/**
 * Which slots have a certain property: per key a list of slots, changed in constant time.
 * The lists keep no order, and a key without slots is forgotten.
 */

/** `column[slot]` is the number of the slot's key; `numberOf` answers -1 for a key that no slot has. */
export interface Postings {
  readonly add: (slot: number, key: string) => void
  readonly remove: (slot: number) => void
  readonly numberOf: (key: string) => number
  /** Valid until the next change. */
  readonly slots: (number: number) => ReadonlyArray<number>
  readonly column: () => Int32Array
}

interface List {
  readonly key: string
  readonly slots: Array<number>
}

interface Table {
  readonly numbers: Map<string, number>
  /** The list that was added to last: slots of one key come together. */
  last: number
  readonly lists: Array<List | undefined>
  readonly free: Array<number>
  /** Per slot: the number of its list, and its place there. */
  column: Int32Array
  places: Int32Array
}

export const make = (): Postings => {
  const table: Table = {
    numbers: new Map(),
    last: -1,
    lists: [],
    free: [],
    column: new Int32Array(0),
    places: new Int32Array(0)
  }
  return {
    add: (slot, key) => add(table, slot, key),
    remove: (slot) => remove(table, slot),
    numberOf: (key) => table.numbers.get(key) ?? -1,
    slots: (number) => table.lists[number]?.slots ?? [],
    column: () => table.column
  }
}

const add = (table: Table, slot: number, key: string): void => {
  if (slot >= table.column.length) {
    const length = Math.max(64, table.column.length * 2, slot + 1)
    table.column = widened(table.column, length)
    table.places = widened(table.places, length)
  }
  const number =
    table.lists[table.last]?.key === key
      ? table.last
      : (table.numbers.get(key) ?? begin(table, key))
  const list = table.lists[number]
  if (list === undefined) return
  table.last = number
  table.column[slot] = number
  table.places[slot] = list.slots.push(slot) - 1
}

const begin = (table: Table, key: string): number => {
  const number = table.free.pop() ?? table.lists.length
  table.lists[number] = { key, slots: [] }
  table.numbers.set(key, number)
  return number
}

/** The last of the list takes the place of the one that goes. */
const remove = (table: Table, slot: number): void => {
  const number = table.column[slot] ?? -1
  const list = table.lists[number]
  if (list === undefined) return
  const place = table.places[slot] ?? 0
  const last = list.slots.pop() ?? slot
  if (last !== slot) {
    list.slots[place] = last
    table.places[last] = place
  }
  table.column[slot] = -1
  if (list.slots.length > 0) return
  table.lists[number] = undefined
  table.numbers.delete(list.key)
  table.free.push(number)
}

const widened = (numbers: Int32Array, length: number): Int32Array<ArrayBuffer> => {
  const wider = new Int32Array(length).fill(-1)
  wider.set(numbers)
  return wider
}
