/**
 * The files of tau2-bench and of tau-bench that its episodes need: tables, policy, tool schemas and tasks.
 * tau2-bench's own airline database is not always at hand; then tau-bench's serves, in which all ids of its tasks exist.
 */
import { Environment } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import type { Table, Tables } from "../taubench/Database.ts"
import * as JsonReader from "../taubench/python/JsonReader.ts"
import { json } from "../taubench/python/Text.ts"
import { isDict, type Dict, type List } from "../taubench/python/Value.ts"
import * as TauData from "../taubench/TauData.ts"
import { tablesOf } from "../taubench/TauShape.ts"
import * as Tau2Desk from "./Tau2Desk.ts"
import * as Tau2Task from "./Tau2Task.ts"

export const environment = "tau2-bench"

/**
 * `dataFolder` is `TAU2_BENCH_DATA`: `<domain>/{tasks,split_tasks,db}.json` and `policy.md`. `tauBenchFolder` is
 * `TAU_BENCH_DATA`, whence the tools' schemas come, and the airline's tables where `db.json` is missing.
 */
export interface Folders {
  readonly dataFolder: string
  readonly tauBenchFolder: string
}

/** A domain as it is read. `database` says whose tables these are. */
export interface Tau2Domain {
  readonly tables: Tables
  readonly database: "tau2-bench" | "tau-bench"
  readonly policy: string
  readonly tools: List
}

export const load = Effect.fn("Tau2Data.load")(function* (
  { dataFolder, tauBenchFolder }: Folders,
  domain: Tau2Task.Domain
) {
  const files = yield* FileSystem.FileSystem
  const shop = yield* Effect.mapError(TauData.load(tauBenchFolder, domain), (error) =>
    badData(error.message, error)
  )
  const own = `${dataFolder}/${domain}/db.json`
  const isThere = yield* Effect.mapError(files.exists(own), unreadable(own))
  const loaded: Tau2Domain = {
    tables: isThere ? yield* tablesOfFile(own, domain) : shop.tables,
    database: isThere ? "tau2-bench" : "tau-bench",
    policy: yield* textOf(`${dataFolder}/${domain}/policy.md`),
    tools: toolsFor(domain, shop.tools)
  }
  return loaded
})

/** The tasks of a split, in its order. */
export const tasks = Effect.fn("Tau2Data.tasks")(function* (
  dataFolder: string,
  domain: Tau2Task.Domain,
  split: Tau2Task.Split
) {
  const file = `${dataFolder}/${domain}/tasks.json`
  const splitFile = `${dataFolder}/${domain}/split_tasks.json`
  const [text, splitText] = [yield* textOf(file), yield* textOf(splitFile)]
  const chosen = Result.flatMap(Tau2Task.read(text, file), (all) =>
    Tau2Task.ofSplit(all, split, splitText, splitFile)
  )
  return yield* Effect.fromResult(Result.mapError(chosen, (error) => badData(error.message, error)))
})

export const failure =
  (reason: Environment.EnvironmentError["reason"]) => (message: string, cause?: unknown) =>
    new Environment.EnvironmentError({
      reason,
      environment,
      message,
      ...(cause === undefined ? {} : { cause })
    })

const badData = failure("BadData")

const unreadable = (file: string) => (cause: unknown) =>
  badData(`${file}: the file cannot be read; set TAU2_BENCH_DATA to tau2-bench's data`, cause)

const textOf = Effect.fnUntraced(function* (file: string) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.mapError(files.readFileString(file), unreadable(file))
})

/** tau2-bench keeps all tables of a domain in one file; each is checked as tau-bench's are. */
const tablesOfFile = Effect.fnUntraced(function* (file: string, domain: Tau2Task.Domain) {
  const value = Result.getOrUndefined(JsonReader.read(yield* textOf(file)))
  const whole: Dict = isDict(value) ? value : new Map()
  const names = Object.keys(tablesOf[domain])
  const tables = names.map((name): Result.Result<readonly [string, Table], TauData.TauDataError> =>
    Result.map(
      TauData.parseTable(json(whole.get(name) ?? null), `${file}, ${name}`, domain, name),
      (table) => [name, table] as const
    )
  )
  return yield* Effect.fromResult(
    Result.mapBoth(Result.all(tables), {
      onFailure: (error) => badData(error.message, error),
      onSuccess: (read) => TauData.tablesFrom(domain, new Map(read))
    })
  )
})

const toolsFor = (domain: Tau2Task.Domain, tools: List): List => {
  const kept = tools.filter((tool) => nameOf(tool) !== "think")
  return domain === "retail" ? [...kept, Tau2Desk.getItemDetails] : kept
}

const nameOf = (tool: List[number]): unknown => {
  const schema = isDict(tool) ? tool.get("function") : undefined
  return isDict(schema) ? schema.get("name") : undefined
}
