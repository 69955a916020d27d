/**
 * From what was said to what is meant: default < preset < file < `--set` < flag.
 * It is pure: who reads the file, the command line and the environment hands it their text.
 */
import * as Toml from "effect/encoding/Toml"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Config, type Field, fields } from "./Config.ts"
import { ConfigError, unknownKey } from "./ConfigError.ts"
import { presets } from "./ConfigPresets.ts"
import { rules } from "./ConfigRules.ts"
import { unread } from "./ConfigUnread.ts"

/** A value that a flag of its own sets, such as `--seed 3`. */
export interface Flag {
  readonly flag: string
  readonly key: string
  readonly value: unknown
}

/** `settings` are the texts of `--set`, such as "train.iterations=3"; `alfworldData` is the variable ALFWORLD_DATA. */
export interface Sources {
  readonly file?: { readonly path: string; readonly text: string }
  readonly settings?: ReadonlyArray<string>
  readonly flags?: ReadonlyArray<Flag>
  readonly alfworldData?: string
}

/** The configuration that the sources mean; a later source wins. Fails at the first thing that is wrong. */
export const resolve = (sources: Sources): Result.Result<Config, ConfigError> =>
  Result.gen(function* () {
    const given = [
      ...(sources.file === undefined ? [] : yield* fromFile(sources.file)),
      ...(yield* every((sources.settings ?? []).map(fromSetting))),
      ...(yield* every((sources.flags ?? []).map(fromFlag)))
    ]
    const preset = yield* presetOf(given)
    const all = [...preset, ...given]
    const found = new Map(all.map((assignment) => [assignment.key, assignment]))
    if (found.get("environment.name")?.value === "alfworld") {
      addData(found, sources.alfworldData)
    }
    const config = Schema.decodeUnknownSync(Config)(treeOf([...found.values()]))
    yield* checkRules(config, found)
    yield* checkRead(config, given)
    return config
  })

/** One field, where it was set, and its value, which is one of the field's. */
interface Assignment {
  readonly key: string
  readonly value: unknown
  readonly source: string
}

type Assigned = Result.Result<Assignment, ConfigError>

const every = (assigned: ReadonlyArray<Assigned>) => Result.all(assigned)

const known = new Map(fields.map((field) => [field.key, field]))

/** The first candidate that is a value of the field. */
const assign = (key: string, candidates: readonly [unknown, ...Array<unknown>], source: string) => {
  const field = known.get(key)
  if (field === undefined) return Result.fail(unknownKey(key, source))
  const index = candidates.findIndex(field.accepts)
  return index < 0
    ? Result.fail(badValue(field, candidates[0], source))
    : Result.succeed({ key, value: candidates[index], source })
}

const badValue = (field: Field, value: unknown, source: string): ConfigError =>
  new ConfigError({
    reason: "BadValue",
    source,
    key: field.key,
    message: `${source}: ${field.key} is ${shown(value)}; it must be ${field.domain}`
  })

const shown = (value: unknown): string => JSON.stringify(value) ?? String(value)

const fromFile = ({ path, text }: NonNullable<Sources["file"]>) => {
  const parsed = Result.mapError(
    Toml.parse(text),
    ({ message }) =>
      new ConfigError({
        reason: "BadFile",
        source: path,
        key: "",
        message: `${path}: this is not TOML: ${message}`
      })
  )
  return Result.flatMap(parsed, (tree) => every(leaves("", tree, path)))
}

/** Tables are walked until a known key or a value is met, so that an unknown table is named once. */
/** What is repeated in an error may end in a log. */
const withoutPassword = (setting: string): string =>
  setting.replace(/(:\/\/[^:@/\s]*):[^@/\s]*@/, "$1:***@")

const leaves = (prefix: string, tree: object, source: string): ReadonlyArray<Assigned> =>
  Object.entries(tree).flatMap(([name, value]): ReadonlyArray<Assigned> => {
    const key = `${prefix}${name}`
    const isSection = fields.some((field) => field.key.startsWith(`${key}.`))
    return isSection && Predicate.isReadonlyObject(value)
      ? leaves(`${key}.`, value, source)
      : [assign(key, [value], source)]
  })

const fromSetting = (setting: string): Assigned => {
  const at = setting.indexOf("=")
  const key = (at < 0 ? setting : setting.slice(0, at)).trim()
  const source = `--set ${withoutPassword(setting)}`
  if (at >= 0) return assign(key, valuesOf(setting.slice(at + 1).trim()), source)
  return Result.fail(
    new ConfigError({
      reason: "BadValue",
      source,
      key,
      message: `${source}: a setting reads key=value, such as --set train.iterations=10`
    })
  )
}

/** What was written may be a TOML value or plain text. */
const valuesOf = (written: string): readonly [unknown, ...Array<unknown>] => {
  const parsed = Toml.parse(`value = ${written}`)
  return Result.isSuccess(parsed) ? [parsed.success["value"], written] : [written]
}

const fromFlag = ({ flag, key, value }: Flag): Assigned => assign(key, [value], flag)

const presetOf = (given: ReadonlyArray<Assignment>) => {
  const name = given.findLast(({ key }) => key === "preset")?.value ?? "household"
  const source = `preset ${String(name)}`
  const preset = new Map<unknown, object>(Object.entries(presets)).get(name) ?? {}
  return every(leaves("", preset, source))
}

const addData = (found: Map<string, Assignment>, value: string | undefined): void => {
  const key = "environment.data"
  if (value !== undefined && value !== "" && !found.has(key)) {
    found.set(key, { key, value, source: "ALFWORLD_DATA" })
  }
}

const treeOf = (assignments: ReadonlyArray<Assignment>): object => {
  const tree: Record<string, unknown> = {}
  const sections: Record<string, Record<string, unknown>> = {}
  for (const { key, value } of assignments) {
    const [first = "", second] = key.split(".")
    if (second === undefined) tree[first] = value
    else (sections[first] ??= {})[second] = value
  }
  return { ...tree, ...sections }
}

const checkRules = (
  config: Config,
  found: ReadonlyMap<string, Assignment>
): Result.Result<void, ConfigError> => {
  for (const { keys, broken } of rules) {
    const message = broken(config)
    if (message !== undefined) {
      const set = keys.flatMap((key) => found.get(key) ?? [])
      const source = [...new Set(set.map((assignment) => assignment.source))].join(", ")
      return Result.fail(
        new ConfigError({
          reason: "Impossible",
          source: source === "" ? "defaults" : source,
          key: keys[0],
          message: source === "" ? message : `${source}: ${message}`
        })
      )
    }
  }
  return Result.void
}

const checkRead = (
  config: Config,
  given: ReadonlyArray<Assignment>
): Result.Result<void, ConfigError> => {
  for (const { key, when, because } of unread) {
    const set = given.findLast((assignment) => assignment.key === key)
    if (set !== undefined && when(config)) {
      const message = `${set.source}: nothing would read ${key}, because ${because}; leave it out`
      return Result.fail(new ConfigError({ reason: "Unused", source: set.source, key, message }))
    }
  }
  return Result.void
}
