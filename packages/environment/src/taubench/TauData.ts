/**
 * The data of a tau-bench domain on disk: its tables, its policy and the schemas of its tools.
 * It is read and checked here; tasks are read in `episode/TauTask`, and nothing of the data ships with this package.
 *
 * The folder is `TAU_BENCH_DATA`: `retail/{orders,products,users}.json`, `airline/{flights,reservations,users}.json`,
 * and in each `policy.json` and `tools.json`.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Domain, Table, Tables } from "./Database.ts"
import * as JsonReader from "./python/JsonReader.ts"
import { type Dict, isDict, isList, type List, type Value } from "./python/Value.ts"
import { misfit, tablesOf } from "./TauShape.ts"

const remedies = {
  missing: "set TAU_BENCH_DATA to a folder that holds retail/ and airline/ of tau-bench's data",
  unreadable: "check the permissions of the file",
  json: "the JSON is incomplete or damaged; fetch the file again",
  field: "the tools need it; compare the file with that of sierra-research/tau-bench"
} as const

/** Why data cannot be used; `key` is the path of the record's field, empty where the whole file is at fault. */
export class TauDataError extends Schema.TaggedError<TauDataError>()("TauDataError", {
  reason: Schema.Literals(["missing", "unreadable", "json", "field"]),
  file: Schema.String,
  key: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    const place = this.key === "" ? this.file : `${this.file}, ${this.key}`
    return `${place}: ${this.detail}; ${remedies[this.reason]}`
  }
}

/**
 * A domain as it is read. `wiki` is the agent's system prompt, `rules` are further sentences of it, `tools` the
 * function schemas for a model, and a call of one of `terminateTools` ends an episode.
 */
export interface TauDomain {
  readonly tables: Tables
  readonly wiki: string
  readonly rules: ReadonlyArray<string>
  readonly terminateTools: ReadonlyArray<string>
  readonly tools: List
}

/** Reads the tables of a domain, each record checked for what the tools need. */
export const tables = Effect.fn("TauData.tables")(function* (folder: string, domain: Domain) {
  const names = Object.keys(tablesOf[domain])
  const read = yield* Effect.forEach(names, (name) => tableOf(folder, domain, name))
  return tablesFrom(
    domain,
    new Map(names.map((name, index) => [name, read[index] ?? new Map<string, Dict>()]))
  )
})

/** The tables of records at hand, not checked again. */
export const tablesFrom = (domain: Domain, byName: ReadonlyMap<string, Table>): Tables => ({
  domain,
  tables: byName
})

/** Reads a domain whole: tables, policy and schemas of the tools. */
export const load = Effect.fn("TauData.load")(function* (folder: string, domain: Domain) {
  const read = yield* tables(folder, domain)
  const policyFile = `${folder}/${domain}/policy.json`
  const policy = yield* valueOf(policyFile)
  const toolsFile = `${folder}/${domain}/tools.json`
  const tools = yield* valueOf(toolsFile)
  if (!isList(tools)) return yield* lacking(toolsFile, "", "it is no list of function schemas")
  const loaded: TauDomain = {
    tables: read,
    wiki: yield* textOf(policyFile, policy, "wiki"),
    rules: yield* textsOf(policyFile, policy, "rules"),
    terminateTools: yield* textsOf(policyFile, policy, "terminate_tools"),
    tools
  }
  return loaded
})

/** The records of a table in a JSON text, checked; `file` is only its name in errors. */
export const parseTable = (
  text: string,
  file: string,
  domain: Domain,
  name: string
): Result.Result<Table, TauDataError> =>
  Result.flatMap(parse(text, file), (value) => checked(value, file, domain, name))

const tableOf = Effect.fnUntraced(function* (folder: string, domain: Domain, name: string) {
  const file = `${folder}/${domain}/${name}.json`
  return yield* Effect.fromResult(parseTable(yield* contentOf(file), file, domain, name))
})

const checked = (
  value: Value,
  file: string,
  domain: Domain,
  name: string
): Result.Result<Table, TauDataError> => {
  if (!isDict(value)) return Result.fail(fieldError(file, "", "it is no object of records by id"))
  const shape = tablesOf[domain][name] ?? "dict"
  const table = new Map<string, Dict>()
  for (const [id, record] of value) {
    const path = misfit(record, shape, id)
    if (path !== undefined || !isDict(record)) {
      return Result.fail(fieldError(file, path ?? id, "it is missing or of another kind"))
    }
    table.set(id, record)
  }
  return Result.succeed(table)
}

const fieldError = (file: string, key: string, detail: string): TauDataError =>
  new TauDataError({ reason: "field", file, key, detail })

const lacking = (file: string, key: string, detail: string): Effect.Effect<never, TauDataError> =>
  Effect.fail(fieldError(file, key, detail))

const parse = (text: string, file: string): Result.Result<Value, TauDataError> =>
  Result.mapError(
    JsonReader.read(text),
    ({ message }) => new TauDataError({ reason: "json", file, key: "", detail: message })
  )

const contentOf = Effect.fnUntraced(function* (file: string) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.mapError(files.readFileString(file), (cause) => {
    const reason = cause.reason._tag === "NotFound" ? "missing" : "unreadable"
    return new TauDataError({ reason, file, key: "", detail: `the file is ${reason}` })
  })
})

const valueOf = Effect.fnUntraced(function* (file: string) {
  return yield* Effect.fromResult(parse(yield* contentOf(file), file))
})

const textOf = (file: string, policy: Value, key: string) => {
  const text = isDict(policy) ? policy.get(key) : undefined
  return typeof text === "string" ? Effect.succeed(text) : lacking(file, key, "it is no text")
}

const textsOf = (file: string, policy: Value, key: string) => {
  const texts = isDict(policy) ? policy.get(key) : undefined
  const found = isList(texts) ? texts.filter((text) => typeof text === "string") : []
  return isList(texts) && found.length === texts.length
    ? Effect.succeed<ReadonlyArray<string>>(found)
    : lacking(file, key, "it is no list of texts")
}
