/**
 * What passes between a pool and a thread of sessions.
 * Only its form: who waits for what is `SessionHost`, what is done with it `SessionWorker`.
 */
import type { Answer, Request } from "./SessionEngine.ts"
import type { Fault } from "./SessionFeeds.ts"

/** What goes into the thread. */
export interface Call {
  readonly id: number
  readonly request: Request
}

/** What comes out of it. */
export type Reply =
  | (Answer & { readonly id: number })
  | { readonly id: number; readonly failure: string | Fault }

/** Memory that both sides see while the thread is busy and reads no messages. */
export interface Shared {
  /** [whether the owner no longer wants answers, whether a request is being answered]. */
  readonly signals: Int32Array
  /** The call id + 1 of runs and programs that are no longer wanted, at id modulo `droppable`. */
  readonly dropped: Int32Array
}

/** How many unwanted runs can be remembered; one that is forgotten is run for nothing. */
export const droppable = 1024
