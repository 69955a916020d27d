/**
 * tau-bench's fingerprint of a database: SHA-256 of Python's text of the whole as nested tuples.
 * It tells whether two databases are equal; why they differ, `differences` says by record.
 */
import { createHash, type Hash } from "node:crypto"
import type { Database, Tables } from "./Database.ts"
import { byCodePoint, pairText, tupleText } from "./python/Text.ts"
import type { Dict } from "./python/Value.ts"

/**
 * The rows of a table in the order of their ids as bytes, each with a separator behind it. The row of `ids[i]` goes from
 * `starts[i]` to `starts[i + 1]`.
 */
interface TableText {
  readonly name: string
  readonly ids: ReadonlyArray<string>
  readonly starts: ReadonlyArray<number>
  readonly places: ReadonlyMap<string, number>
  readonly bytes: Uint8Array
}

/** The tables in the order of their names, and the hash where nothing is changed. */
interface DomainText {
  readonly tables: ReadonlyArray<TableText>
  readonly unchanged: string
}

// The shared tables never change, so their text and their hash are made once: 4 MB a domain.
const remembered = new WeakMap<Tables, DomainText>()

const textsOf = (base: Tables): DomainText => {
  const known = remembered.get(base)
  if (known !== undefined) return known
  const names = Array.from(base.tables.keys()).sort(byCodePoint)
  const tables = names.map((name) => tableText(name, base.tables.get(name) ?? new Map()))
  const made = { tables, unchanged: digestOf(tables, new Map()) }
  remembered.set(base, made)
  return made
}

const separator = ", "

const rowText = (id: string, record: Dict): string => pairText(id, tupleText(record)) + separator

const tableText = (name: string, table: ReadonlyMap<string, Dict>): TableText => {
  const ids = Array.from(table.keys()).sort(byCodePoint)
  const rows = ids.map((id) => Buffer.from(rowText(id, table.get(id) ?? new Map())))
  const starts = [0]
  for (const row of rows) starts.push((starts.at(-1) ?? 0) + row.length)
  const places = new Map(ids.map((id, place) => [id, place]))
  return { name, ids, starts, places, bytes: Buffer.concat(rows) }
}

/** The original's hash of the database, in hexadecimal. */
export const hashOf = (database: Database): string => {
  const { tables, unchanged } = textsOf(database.base)
  return database.changed.size === 0 ? unchanged : digestOf(tables, database.changed)
}

const digestOf = (
  tables: ReadonlyArray<TableText>,
  changed: ReadonlyMap<string, ReadonlyMap<string, Dict>>
): string => {
  const digest = createHash("sha256")
  digest.update("(")
  for (const [index, table] of tables.entries()) {
    if (index > 0) digest.update(separator)
    digest.update(pairText(table.name, "").slice(0, -1))
    addTable(digest, table, changed.get(table.name) ?? new Map())
    digest.update(")")
  }
  return digest.update(tables.length === 1 ? ",)" : ")").digest("hex")
}

/** Adds the tuple of a table's rows; a tuple of one has a comma behind it. */
const addTable = (digest: Hash, table: TableText, changed: ReadonlyMap<string, Dict>): void => {
  const added = Array.from(changed.keys()).filter((id) => !table.places.has(id))
  const surplus = table.ids.length + added.length === 1 ? separator.length - 1 : separator.length
  const parts = partsOf(table, changed).filter((part) => part.length > 0)
  const last = parts.pop()
  digest.update("(")
  for (const part of parts) digest.update(part)
  if (last !== undefined) digest.update(last.subarray(0, -surplus))
  digest.update(")")
}

/** The rows as they are now: the bytes of the shared table as far as nothing in them is changed or added. */
const partsOf = (
  { bytes, ids, places, starts }: TableText,
  changed: ReadonlyMap<string, Dict>
): Array<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  let from = 0
  for (const [id, record] of Array.from(changed).sort(([left], [right]) =>
    byCodePoint(left, right)
  )) {
    const place = places.get(id) ?? placeAfter(ids, id)
    parts.push(bytes.subarray(from, starts[place]), Buffer.from(rowText(id, record)))
    from = starts[places.has(id) ? place + 1 : place] ?? bytes.length
  }
  return [...parts, bytes.subarray(from)]
}

/** Where an id would stand among others that are in order. */
const placeAfter = (ids: ReadonlyArray<string>, id: string): number => {
  const place = ids.findIndex((other) => byCodePoint(id, other) < 0)
  return place < 0 ? ids.length : place
}

/** A record that two databases over the same tables have differently; `undefined` where one has it not. */
export interface Difference {
  readonly table: string
  readonly id: string
  readonly left: Dict | undefined
  readonly right: Dict | undefined
}

/**
 * The records in which two databases over the same tables differ; empty exactly where their hashes are equal. It looks
 * at the changed records only, so it is the cheap way to compare.
 */
export const differences = (left: Database, right: Database): ReadonlyArray<Difference> => {
  const found: Array<Difference> = []
  for (const [table, base] of left.base.tables) {
    const [one, other] = [left.changed.get(table), right.changed.get(table)]
    for (const id of new Set([...(one?.keys() ?? []), ...(other?.keys() ?? [])])) {
      const [before, after] = [one?.get(id) ?? base.get(id), other?.get(id) ?? base.get(id)]
      if (textOf(before) !== textOf(after)) found.push({ table, id, left: before, right: after })
    }
  }
  return found
}

const textOf = (record: Dict | undefined): string | undefined =>
  record === undefined ? undefined : tupleText(record)
