/**
 * The entry of a worker thread that runs sessions, because a run blocks its JavaScript thread.
 * It only forwards: requests come in with a number, replies go out with the same number.
 */
import { parentPort, workerData } from "node:worker_threads"
import { Engine, type Outputs, type Request } from "./SessionEngine.ts"

/** What goes into the thread. */
export interface Call {
  readonly id: number
  readonly request: Request
}

/** What comes out of it. */
export type Reply =
  | { readonly id: number; readonly outputs: Outputs }
  | { readonly id: number; readonly failure: string }

const engine = new Engine()

const reply = (message: Reply, moved: ReadonlyArray<ArrayBuffer> = []) =>
  parentPort?.postMessage(message, moved)

/** Buffers that can change hands instead of being copied; shared ones are visible already. */
const movable = (outputs: Outputs): ReadonlyArray<ArrayBuffer> =>
  Object.values(outputs).flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []))

/** Set by the owner when it no longer wants answers. */
const closing: Int32Array = workerData

const answer = ({ id, request }: Call): Promise<void> =>
  Atomics.load(closing, 0) === 1
    ? Promise.resolve()
    : engine.handle(request).then(
        (outputs) => reply({ id, outputs }, movable(outputs)),
        (cause) => reply({ id, failure: String(cause) })
      )

let last: Promise<void> = Promise.resolve()

parentPort?.on("message", (message: Call | "close") => {
  last = last.then(() => (message === "close" ? parentPort?.close() : answer(message)))
})
