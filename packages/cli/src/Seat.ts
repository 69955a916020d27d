/**
 * Where people sit who play: their lines, from the keyboard or from a pipe, one speaker at a time.
 * What the lines mean is decided by those who ask for them.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Keyboard from "./Keyboard.ts"

/** Says a line to the people. */
export type Say = (text: string) => Effect.Effect<void>

export interface Seat {
  readonly isTerminal: boolean
  readonly say: Say
  /**
   * The next line that is not blank, trimmed; undefined where there are no more, or it is `quit`. Tab completes `known`; a
   * line from a pipe is said again after its prompt.
   */
  readonly ask: (
    prompt: string,
    known?: ReadonlyArray<string>
  ) => Effect.Effect<string | undefined, PlatformError.PlatformError>
  /** Ends the sitting for everybody: whatever waits under `whileHere` is given up. */
  readonly leave: Effect.Effect<never>
  /** Undefined where somebody leaves, or closes the terminal, before it is done. */
  readonly whileHere: <A, E, R>(use: Effect.Effect<A, E, R>) => Effect.Effect<A | undefined, E, R>
}

/** Until the scope closes. Of a pipe no more is read than is asked for, up to a few lines. */
export const open = Effect.fnUntraced(function* (say: Say) {
  const { stdin, stdinIsTerminal } = yield* Stdio.Stdio
  const left = yield* Deferred.make<void>()
  const keyboard = (yield* stdinIsTerminal) ? yield* Keyboard.open(left) : undefined
  const lines = keyboard?.lines ?? stdin.pipe(Stream.decodeText(), Stream.splitLines)
  const queue = yield* Stream.toQueue(lines, { capacity: 16 })
  const next = Queue.take(queue).pipe(Effect.catchTag("Done", () => Effect.undefined))
  const ask: Seat["ask"] = Effect.fnUntraced(function* (prompt, known = []) {
    for (;;) {
      if (keyboard !== undefined) yield* keyboard.prompt(prompt, known)
      const text = (yield* next)?.trim()
      if (text === "") continue
      if (keyboard === undefined && text !== undefined) yield* say(`${prompt}${text}`)
      return text === "quit" ? undefined : text
    }
  })
  const seat: Seat = {
    isTerminal: keyboard !== undefined,
    say,
    ask,
    leave: Effect.andThen(Deferred.succeed(left, undefined), Effect.never),
    whileHere: (use) => Effect.raceFirst(use, Effect.as(Deferred.await(left), undefined))
  }
  return seat
})
