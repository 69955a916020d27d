/**
 * A person at a terminal, line by line, with what can be said completed by Tab.
 * A pipe is none: its lines are read from stdin as they are.
 */
import * as readline from "node:readline"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

export interface Keyboard {
  /** Ends where the person closes the input (Ctrl-C or Ctrl-D). */
  readonly lines: Stream.Stream<string>
  /** Asks for a line; until the next time Tab completes `known`. */
  readonly prompt: (text: string, known: ReadonlyArray<string>) => Effect.Effect<void>
}

/** The terminal until the scope closes; `closed` is done when the person closes the input. */
export const open = Effect.fnUntraced(function* (closed: Deferred.Deferred<void>) {
  let completed: ReadonlyArray<string> = []
  const terminal = yield* Effect.acquireRelease(
    Effect.sync(() =>
      readline.createInterface({
        input: process.stdin,
        output: process.stdout,
        completer: (line: string) => [completions(completed, line), line]
      })
    ),
    (opened) => Effect.sync(() => opened.close())
  )
  const keyboard: Keyboard = {
    prompt: (text, known) =>
      Effect.sync(() => {
        completed = known
        terminal.setPrompt(text)
        terminal.prompt()
      }),
    lines: Stream.callback<string>((queue) =>
      Effect.sync(() => {
        terminal.on("line", (line) => Queue.offerUnsafe(queue, line))
        terminal.on("close", () => {
          Queue.endUnsafe(queue)
          Deferred.doneUnsafe(closed, Effect.void)
        })
        terminal.on("SIGINT", () => {
          // What was typed stays on its line, and what is said next begins on another.
          process.stdout.write("\n")
          terminal.close()
        })
      })
    )
  }
  return keyboard
})

/** What begins with the line, in the order of `known`; blanks before it are no part of it. */
export const completions = (known: ReadonlyArray<string>, line: string): Array<string> =>
  known.filter((one) => one.startsWith(line.trimStart()))
