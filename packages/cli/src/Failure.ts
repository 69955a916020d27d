/**
 * How a command that failed ends: one clear line, and an exit code that scripts can tell apart.
 * A defect is no failure: it keeps its stack.
 */
import type * as ConfigError from "@dreamgym/pipeline/ConfigError"
import type * as Runs from "@dreamgym/pipeline/Runs"
import * as CliError from "effect/cli/CliError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** The command has said itself what is wrong; only the exit code is left. */
export class Unsuccessful extends Schema.TaggedError<Unsuccessful>()("Unsuccessful", {
  message: Schema.String
}) {}

/** The command was used in a way that its flags cannot forbid. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  message: Schema.String
}) {}

/** What every typed error of ours has. */
export interface Failure {
  readonly _tag: string
  readonly message: string
}

/** Exit codes of failures other than 1, by tag: the classes themselves are heavy to load. */
const exitCodes: Readonly<Record<string, number>> = {
  ConfigError: 2,
  UsageError: 2,
  NothingToDo: 3
} satisfies Record<(ConfigError.ConfigError | UsageError | Runs.NothingToDo)["_tag"], number>

/**
 * Reports a failure on stderr, with `isJson` also as the one line of stdout, and gives the exit code: 2 for wrong usage, 3 where there
 * is nothing to do, else 1. Wrong usage that the parser found has been told on stderr already.
 */
export const report = Effect.fnUntraced(function* (failure: Failure, isJson: boolean) {
  if (failure instanceof Unsuccessful) return 1
  const wrongFlags = failure instanceof CliError.ShowHelp ? failure.errors : undefined
  if (wrongFlags?.length === 0) return 0
  const { _tag: tag, message } = wrongFlags?.[0] ?? failure
  if (wrongFlags === undefined) yield* Console.error(`error: ${message}`)
  if (isJson) yield* Console.log(JSON.stringify({ error: { tag, message } }))
  if (wrongFlags !== undefined) return 2
  return exitCodes[tag] ?? 1
})
