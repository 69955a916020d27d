/**
 * A program that runs beside the sessions of one thread, so that many runs which follow from each other cost one message.
 * It is what such a program and its thread say to each other; `SessionPrograms` drives it, `Session` starts it.
 */
import type { Elements } from "./Model.ts"

type Named<A> = { readonly [name: string]: A }

/** A session by what it is for: the same kind and sizes are the same session. */
export interface Wanted {
  readonly kind: string
  readonly sizes: Named<number>
}

/** What a program asks of its thread: a session's number, or the outputs of a run. */
export type Step =
  | { readonly asks: "session"; readonly wanted: Wanted }
  | {
      readonly asks: "run"
      readonly session: number
      readonly feeds: Named<Elements>
      readonly into: Named<Elements>
    }

/** What the thread gives for it. */
export type Given = number | Named<Elements>

/** A program under way. It is told of nothing that fails: it is then dropped where it stands. */
export type Program<Result> = Generator<Step, Result, Given>

/**
 * Where a program is written: a module that exports `start: (input) => Program<Result>`. Input and result go from thread to
 * thread, so they are what a structured clone can carry.
 */
export interface Reference<Result> {
  /** The module as it stands on disk; it is loaded without a bundler, once per thread. */
  readonly module: URL
  readonly isResult: (value: unknown) => value is Result
}

/** The words and numbers of a session: "step 8 48". */
export const keyOf = ({ kind, sizes }: Wanted): string => [kind, ...Object.values(sizes)].join(" ")

/** Asks for a session; where there is none yet, the program waits until its caller has compiled it. */
export function* session(kind: string, sizes: Named<number>): Program<number> {
  const given = yield { asks: "session", wanted: { kind, sizes } }
  if (typeof given !== "number") throw new TypeError(`asked for a session, got arrays`)
  return given
}

/**
 * Runs a session, as `Loaded.run` does. Feeds and places need not be shared memory: all is in one thread. Memory that is
 * handed over is free again when the outputs are there.
 */
export function* run(
  session: number,
  feeds: Named<Elements>,
  into: Named<Elements> = {}
): Program<Named<Elements>> {
  const given = yield { asks: "run", session, feeds, into }
  if (typeof given === "number") throw new TypeError(`asked for a run, got a session`)
  return given
}
