/**
 * A person at a terminal, line by line, with what can be said completed by Tab.
 * A pipe is none: its lines are read from stdin as they are.
 */
import * as readline from "node:readline"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

export interface Keyboard {
  /** Ends where the person closes the input (Ctrl-C or Ctrl-D). */
  readonly lines: Stream.Stream<string>
  readonly prompt: Effect.Effect<void>
}

/** The terminal until the scope closes; `known` tells what Tab may complete at this moment. */
export const open = (known: () => ReadonlyArray<string>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        readline.createInterface({
          input: process.stdin,
          output: process.stdout,
          prompt: "> ",
          completer: (line: string) => [completions(known(), line), line]
        })
      ),
      (terminal) => Effect.sync(() => terminal.close())
    ),
    (terminal): Keyboard => ({
      prompt: Effect.sync(() => terminal.prompt()),
      lines: Stream.callback<string>((queue) =>
        Effect.sync(() => {
          terminal.on("line", (line) => Queue.offerUnsafe(queue, line))
          terminal.on("close", () => Queue.endUnsafe(queue))
          terminal.on("SIGINT", () => {
            // What was typed stays on its line, and what is said next begins on another.
            process.stdout.write("\n")
            terminal.close()
          })
        })
      )
    })
  )

/** What begins with the line, in the order of `known`; blanks before it are no part of it. */
export const completions = (known: ReadonlyArray<string>, line: string): Array<string> =>
  known.filter((one) => one.startsWith(line.trimStart()))
