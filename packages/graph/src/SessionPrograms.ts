/**
 * The programs of one thread: started, driven from run to run, parked where they want a session that is not compiled yet.
 * It loads no graph and checks no feeds: runs are made by whoever gave it `run`.
 */
import type { Elements } from "./Model.ts"
import { keyOf, type Program, type Step, type Wanted } from "./Program.ts"
import type { Fault } from "./SessionFeeds.ts"

type Named<A> = { readonly [name: string]: A }

/** Starts a program under a number. `sessions`: those that it may find, by `Program.keyOf`. */
export interface PerformRequest {
  readonly kind: "perform"
  readonly program: number
  readonly module: string
  readonly input: unknown
  readonly sessions: Named<number>
}

/** What concerns programs: `resume` brings the session that one waits for, `abandon` drops one that waits. */
export type ProgramRequest =
  | PerformRequest
  | { readonly kind: "resume"; readonly program: number; readonly session: number }
  | { readonly kind: "abandon"; readonly program: number }

/** Where a program stands: `wants` a session that its caller must compile, or has its `result`. */
export interface Progress {
  readonly wants?: Wanted
  readonly result?: unknown
}

/** A run that a program asked for and that did not work; it ends the program. */
export class ProgramFailed extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.message)
    this.name = "ProgramFailed"
    this.fault = fault
  }
}

const dropped: Fault = {
  reason: "WorkerDied",
  message: "it was dropped: its pool was closed, or nobody waits for it any more"
}

const gone: Fault = {
  reason: "WorkerDied",
  message: "its thread has ended while it waited for a session; the next one starts another"
}

/** What went wrong, in a form that can be sent. */
export const failureOf = (cause: unknown): string | Fault =>
  cause instanceof ProgramFailed ? cause.fault : String(cause)

/** What a program's module exports. */
interface Module {
  readonly start: (input: unknown) => Program<unknown>
}

type Next = IteratorResult<Step, unknown>

interface Running {
  readonly number: number
  readonly steps: Program<unknown>
  readonly sessions: { [key: string]: number }
  /** The key of the session that it waits for. */
  readonly wants: string
}

type Run = (request: {
  readonly session: number
  readonly feeds: Named<Elements>
  readonly into: Named<Elements>
}) => Promise<Named<Elements>>

/** Programs by their numbers, one thread's. */
export class Programs {
  readonly #run: Run
  readonly #waiting = new Map<number, Running>()

  constructor(run: Run) {
    this.#run = run
  }

  /**
   * Drives a program until it ends or waits; between two runs it is dropped if `isUnwanted`. Rejects as the run did, or with
   * what the program threw.
   */
  async handle(request: ProgramRequest, isUnwanted: () => boolean): Promise<Progress> {
    if (request.kind === "perform") {
      const { input, module, program: number, sessions } = request
      const { start }: Module = await import(/* @vite-ignore */ module)
      const running = { number, steps: start(input), sessions: { ...sessions }, wants: "" }
      return this.#drive(running, running.steps.next(), isUnwanted)
    }
    const running = this.#waiting.get(request.program)
    this.#waiting.delete(request.program)
    if (request.kind === "abandon") return {}
    if (running === undefined) throw new ProgramFailed(gone)
    running.sessions[running.wants] = request.session
    return this.#drive(running, running.steps.next(request.session), isUnwanted)
  }

  async #drive(running: Running, first: Next, isUnwanted: () => boolean): Promise<Progress> {
    const { number, sessions, steps } = running
    let next = first
    while (next.done !== true) {
      if (isUnwanted()) throw new ProgramFailed(dropped)
      const { value } = next
      if (value.asks === "run") next = steps.next(await this.#run(value))
      else {
        const wants = keyOf(value.wanted)
        const session = sessions[wants]
        if (session === undefined) {
          this.#waiting.set(number, { ...running, wants })
          return { wants: value.wanted }
        }
        next = steps.next(session)
      }
    }
    return { result: next.value }
  }
}
