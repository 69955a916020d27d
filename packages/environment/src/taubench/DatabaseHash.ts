/**
 * tau-bench's fingerprint of a database: SHA-256 of Python's text of the whole as nested tuples.
 * It tells whether two databases are equal; why they differ, `differences` says by record.
 */
import { createHash } from "node:crypto"
import type { Database, Tables } from "./Database.ts"
import { byCodePoint, pairText, tuple, tupleText } from "./python/Text.ts"
import type { Dict } from "./python/Value.ts"

/** The ids of a table in order, and the pair of id and record of each as text. */
interface TableText {
  readonly ids: ReadonlyArray<string>
  readonly pairs: ReadonlyMap<string, string>
}

// The shared tables never change, so their text is made once: 4 MB a domain.
const remembered = new WeakMap<Tables, ReadonlyMap<string, TableText>>()

const textsOf = (base: Tables): ReadonlyMap<string, TableText> => {
  const known = remembered.get(base)
  if (known !== undefined) return known
  const made = new Map(
    Array.from(base.tables, ([name, table]): [string, TableText] => {
      const ids = Array.from(table.keys()).sort(byCodePoint)
      const pairs = new Map(
        Array.from(table, ([id, record]) => [id, pairText(id, tupleText(record))])
      )
      return [name, { ids, pairs }]
    })
  )
  remembered.set(base, made)
  return made
}

/** The original's hash of the database, in hexadecimal. */
export const hashOf = (database: Database): string => {
  const digest = createHash("sha256")
  const tables = Array.from(textsOf(database.base)).sort(([left], [right]) =>
    byCodePoint(left, right)
  )
  const rows = tables.map(([name, table]) =>
    pairText(name, tableText(table, database.changed.get(name)))
  )
  return digest.update(tuple(rows)).digest("hex")
}

const tableText = (table: TableText, changed: ReadonlyMap<string, Dict> = new Map()): string => {
  const added = Array.from(changed.keys()).filter((id) => !table.pairs.has(id))
  const ids = added.length === 0 ? table.ids : [...table.ids, ...added].sort(byCodePoint)
  const rows = ids.map((id) => {
    const record = changed.get(id)
    return record === undefined ? (table.pairs.get(id) ?? "") : pairText(id, tupleText(record))
  })
  return tuple(rows)
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
