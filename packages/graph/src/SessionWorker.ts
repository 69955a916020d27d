/**
 * The entry of a worker thread that runs sessions, because a run blocks its JavaScript thread.
 * It only forwards: requests come in with a number, replies go out with the same number.
 */
import { parentPort, workerData } from "node:worker_threads"
import { Engine, type Outputs } from "./SessionEngine.ts"
import { failureOf } from "./SessionPrograms.ts"
import { type Call, droppable, type Reply, type Shared } from "./SessionWire.ts"

const engine = new Engine()

const reply = (message: Reply, moved: ReadonlyArray<ArrayBuffer> = []) =>
  parentPort?.postMessage(message, moved)

/** Buffers that can change hands instead of being copied; shared ones are visible already. */
const movable = (outputs: Outputs): ReadonlyArray<ArrayBuffer> =>
  Object.values(outputs).flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []))

const { dropped, signals }: Shared = workerData

const answered = () => {
  Atomics.store(signals, 1, 0)
  Atomics.notify(signals, 1)
}

/** What is done also where nobody waits for it any more: it leaves the thread as its owner believes it to be. */
const isDue = {
  load: true,
  probe: true,
  release: true,
  abandon: true,
  run: false,
  perform: false,
  resume: false
}

const isUnwanted = ({ id, request }: Call) =>
  Atomics.load(signals, 0) === 1 ||
  (!isDue[request.kind] && Atomics.load(dropped, id % droppable) === id + 1)

const answer = (call: Call): Promise<void> => {
  const { id, request } = call
  Atomics.store(signals, 1, 1)
  const work = isUnwanted(call)
    ? Promise.resolve()
    : engine
        .handle(request, () => isUnwanted(call))
        .then((all) => reply({ id, ...all }, movable(all.outputs)))
        .catch((cause: unknown) => reply({ id, failure: failureOf(cause) }))
  return work.finally(answered)
}

let last: Promise<void> = Promise.resolve()

parentPort?.on("message", (message: Call | "close") => {
  last = last.then(() => (message === "close" ? parentPort?.close() : answer(message)))
})
