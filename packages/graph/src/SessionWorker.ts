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

/** [whether the owner no longer wants answers, whether a request is being answered]. */
const signals: Int32Array = workerData

const answered = () => {
  Atomics.store(signals, 1, 0)
  Atomics.notify(signals, 1)
}

const answer = ({ id, request }: Call): Promise<void> => {
  Atomics.store(signals, 1, 1)
  const work =
    Atomics.load(signals, 0) === 1
      ? Promise.resolve()
      : engine.handle(request).then(
          (outputs) => reply({ id, outputs }, movable(outputs)),
          (cause) => reply({ id, failure: String(cause) })
        )
  return work.finally(answered)
}

let last: Promise<void> = Promise.resolve()

parentPort?.on("message", (message: Call | "close") => {
  last = last.then(() => (message === "close" ? parentPort?.close() : answer(message)))
})
