/**
 * Where words go: answers to stdout, everything else to stderr.
 * What is said is decided by the commands.
 */
import type * as Progress from "@dreamgym/pipeline/Progress"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

/** `--json`: stdout gets exactly one line, at the end. */
export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("End with one line of JSON on stdout; everything else goes to stderr"),
    Flag.withDefault(false),
    Flag.withoutNegation
  )
})

/** Prints the answer of a command: `value` as one line of JSON, or `lines` for people. */
export const answer = Effect.fnUntraced(function* (
  value: Schema.Json,
  lines: ReadonlyArray<string>
) {
  yield* Console.log((yield* Json) ? JSON.stringify(value) : lines.join("\n"))
})

/** Something to know that is no answer. */
export const remark = (line: string): Effect.Effect<void> => Console.error(line)

/** The progress view's place: stderr, so that stdout holds answers only. */
export const screen: Effect.Effect<Progress.Screen, never, Stdio.Stdio> = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const isTerminal = yield* stdio.stderrIsTerminal
  const noColor = yield* Config.String("NO_COLOR").pipe(Effect.orElseSucceed(() => ""))
  return {
    isTerminal,
    hasColor: isTerminal && noColor === "",
    columns: Effect.sync(() => process.stderr.columns ?? 80),
    // Where nobody listens to stderr any more there is nobody to show anything to.
    write: (text) =>
      Effect.ignore(Stream.run(Stream.succeed(text), stdio.stderr({ endOnDone: false })))
  }
})

/** What the rooms log (a checkpoint that is torn, a report that could not be written) as plain lines on stderr. */
export const layerLog = Logger.layer([
  Logger.withConsoleError(
    Logger.make(({ logLevel, message }) => {
      const level = logLevel === "Warn" ? "warning" : logLevel.toLowerCase()
      return `${level}: ${(Array.isArray(message) ? message : [message]).map(String).join(" ")}`
    })
  )
])
