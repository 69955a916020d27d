/**
 * A file as the first version of the program left it: made by its own migration, filled with what the world holds.
 * It knows only the columns that there were.
 */
import * as Effect from "effect/Effect"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import * as Kept from "../src/Kept.ts"
import * as StoreRow from "../src/store/StoreRow.ts"
import { applicationId, migrations } from "../src/store/StoreSchema.ts"
import { inheritance, trajectoryOf } from "./world.ts"

export const inherit = Effect.fn("Torture.inherit")(function* (file: string) {
  const rows = yield* Effect.forEach(
    Array.from({ length: inheritance }, (_, n) => n),
    (n) => StoreRow.rowOf(Kept.comingOf(trajectoryOf(n), () => 1))
  )
  const database = new DatabaseSync(file)
  database.exec(`pragma journal_mode = wal; begin; ${migrations[0]}`)
  const trajectory = into(database, "trajectory")
  const step = into(database, "step")
  rows.forEach((row, i) => {
    trajectory({ ...row.trajectory, added_at: 0, seq: i + 1 })
    for (const one of row.steps) step({ ...one, trajectory: i + 1 })
  })
  database.exec(`pragma application_id = ${applicationId}; pragma user_version = 1; commit`)
  database.close()
})

/** Writes a row into those columns that the table has. */
const into = (database: DatabaseSync, table: string) => {
  const names = database
    .prepare(`select name from pragma_table_info('${table}')`)
    .all()
    .map((row) => String(row["name"]))
  const values = names.map((name) => `$${name}`).join()
  const statement = database.prepare(`insert into ${table} (${names.join()}) values (${values})`)
  return (row: Readonly<Record<string, SQLInputValue>>): void => {
    statement.run(Object.fromEntries(names.map((name) => [name, row[name] ?? null])))
  }
}
