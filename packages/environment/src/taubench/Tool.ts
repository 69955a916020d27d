/**
 * A tool of tau-bench: its Python class, its parameters in order, and what it does to a database.
 * Descriptions and JSON schemas for a model come with the data (`TauData`), not from here.
 */
import type { Database } from "./Database.ts"
import { deepCopy, type Dict, raise, type Value } from "./python/Value.ts"

/**
 * `className` is what Python's messages call it, `module` where the original has it. `invoke` changes the database,
 * gives the observation (null where the original returns None) and raises `PythonException` where the original does.
 */
export interface Tool {
  readonly className: string
  readonly module: string
  readonly parameters: ReadonlyArray<string>
  readonly invoke: (database: Database, given: Dict) => string | null
}

/** A tool; `run` reads its arguments by their names, each the tool's own copy. */
export const tool = <const Name extends string>(
  className: string,
  parameters: ReadonlyArray<Name>,
  run: (database: Database, given: (name: Name) => Value) => string | null
): Tool => ({
  className,
  module: className.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
  parameters,
  invoke: (database, given) => run(database, (name) => given.get(name) ?? null)
})

/** The tool's own copy of the arguments. Raises Python's TypeErrors for surplus and for missing ones, in this order. */
export const bind = ({ className, parameters }: Tool, home: string, given: Dict): Dict => {
  const bound: Dict = new Map()
  if (given.has("data")) {
    const detail = `${home}.${className}.invoke() got multiple values for keyword argument 'data'`
    raise("TypeError", detail)
  }
  for (const [name, value] of given) {
    if (!parameters.includes(name)) {
      const detail = `${className}.invoke() got an unexpected keyword argument '${name}'`
      raise("TypeError", detail)
    }
    bound.set(name, deepCopy(value))
  }
  const missing = parameters.filter((name) => !given.has(name))
  return missing.length === 0 ? bound : lacking(className, missing)
}

const lacking = (className: string, missing: ReadonlyArray<string>): never => {
  const names = missing.map((name) => `'${name}'`)
  const last = names[names.length - 1] ?? ""
  const before = names.slice(0, -1)
  const several = `${before.join(", ")}${before.length > 1 ? "," : ""} and ${last}`
  const what = names.length === 1 ? `argument: ${last}` : `arguments: ${several}`
  const detail = `${className}.invoke() missing ${names.length} required positional ${what}`
  return raise("TypeError", detail)
}
