/**
 * The database of one episode: the records that it has changed, over tables that all episodes share and none changes.
 * It keeps records; what they must hold is checked in `TauData`, what may be done to them is said by the tools.
 */
import { hash } from "./python/Operation.ts"
import { repr, str } from "./python/Text.ts"
import { copyOfDict, type Dict, raise, type Value } from "./python/Value.ts"

/** The records of a table by their ids, in the order of the file. */
export type Table = ReadonlyMap<string, Dict>

export type Domain = "retail" | "airline"

/** The tables of a domain as they are read, by name. They are shared: never write to a record of them. */
export interface Tables {
  readonly domain: Domain
  readonly tables: ReadonlyMap<string, Table>
}

/** A database that can be written, whose start costs nothing: a record is copied when it is first changed. */
export interface Database {
  readonly base: Tables
  readonly changed: Map<string, Map<string, Dict>>
}

/** The database of a new episode. */
export const start = (base: Tables): Database => ({ base, changed: new Map() })

/** An independent database in the same state; it costs a copy of the changed records. */
export const fork = ({ base, changed }: Database): Database => ({
  base,
  changed: new Map(
    Array.from(changed, ([table, records]) => [
      table,
      new Map(Array.from(records, ([id, record]) => [id, copyOfDict(record)]))
    ])
  )
})

/** The record to read, or undefined: Python's `id in table`, which raises for a list or a dict as id. */
export const find = (database: Database, table: string, id: Value): Dict | undefined => {
  hash(id)
  if (typeof id !== "string") return undefined
  return database.changed.get(table)?.get(id) ?? database.base.tables.get(table)?.get(id)
}

/** The record to read; raises Python's KeyError where there is none. */
export const at = (database: Database, table: string, id: Value): Dict =>
  find(database, table, id) ?? raise("KeyError", repr(id))

/** The record to write: this episode's own. Raises Python's KeyError where there is none. */
export const own = (database: Database, table: string, id: Value): Dict => {
  const key = str(id)
  const written = database.changed.get(table)?.get(key)
  return written ?? put(database, table, key, copyOfDict(at(database, table, id)))
}

/** Adds a record, or replaces one. */
export const put = (database: Database, table: string, id: string, record: Dict): Dict => {
  const records = database.changed.get(table) ?? new Map<string, Dict>()
  records.set(id, record)
  database.changed.set(table, records)
  return record
}

/** All records of a table to read, in the order of the file, added ones last. */
export const records = function* (
  database: Database,
  table: string
): Generator<readonly [string, Dict]> {
  const [base, changed] = [database.base.tables.get(table), database.changed.get(table)]
  for (const [id, record] of base ?? []) yield [id, changed?.get(id) ?? record]
  for (const [id, record] of changed ?? []) if (!base?.has(id)) yield [id, record]
}
