/**
 * A place where sessions live: a worker thread, or the caller's own.
 * It carries requests and settles every one of them, also when its thread dies; it checks nothing.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import { Engine, type Feed, type Outputs, type Request } from "./SessionEngine.ts"
import { SessionError } from "./SessionError.ts"
import * as SessionFeeds from "./SessionFeeds.ts"
import type { Call, Reply } from "./SessionWorker.ts"

/** A place that answers requests. */
export interface Host {
  /** The array in the form in which this place can read it. */
  readonly portable: (feed: Feed) => Feed
  readonly call: (request: Request) => Effect.Effect<Outputs, SessionError>
}

const failed = (request: Request, cause: string) =>
  new SessionError({
    reason: request.kind === "load" ? "CompileFailed" : "RunFailed",
    message: cause
  })

/** The caller's own thread, which each run blocks. */
export const inline = (): Host => {
  const engine = new Engine()
  return {
    portable: (feed) => feed,
    call: (request) =>
      Effect.tryPromise({
        try: () => engine.handle(request),
        catch: (cause) => failed(request, String(cause))
      })
  }
}

const builtEntry = new URL(
  "./SessionWorker" + (import.meta.url.endsWith(".ts") ? ".ts" : ".js"),
  import.meta.url
)

/** Long enough for a run that ends at all. */
const patience = 60_000

/**
 * A thread of its own, ended with the scope or the process. To kill a thread inside the runtime aborts
 * the process, so the run in progress is finished; what waits behind it fails.
 */
export const worker = (entry: URL = builtEntry): Effect.Effect<Host, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => spawn(entry)),
      ({ close }) => Effect.promise(close)
    ),
    ({ thread }) => hostOf(thread)
  )

const spawn = (entry: URL) => {
  const signals = new Int32Array(new SharedArrayBuffer(8))
  const thread = new Worker(entry, { execArgv: [], workerData: signals })
  const ended = new Promise<void>((resolve) => thread.once("exit", () => resolve()))
  const stop = () => Atomics.store(signals, 0, 1)
  const finishRun = () => {
    stop()
    Atomics.wait(signals, 1, 1, patience)
  }
  process.on("exit", finishRun)
  const close = () => {
    stop()
    thread.postMessage("close")
    return ended.then(() => void process.off("exit", finishRun))
  }
  return { thread, close }
}

interface Pending {
  readonly request: Request
  readonly settle: (result: Effect.Effect<Outputs, SessionError>) => void
}

const hostOf = (thread: Worker): Host => {
  const pending = new Map<number, Pending>()
  let death: string | undefined
  let calls = 0
  const died = () =>
    new SessionError({
      reason: "WorkerDied",
      message: `the session thread ended (${death}); build the pool again to go on`
    })
  const end = (cause: string) => {
    death ??= cause
    for (const { settle } of pending.values()) settle(Effect.fail(died()))
    pending.clear()
  }
  thread.on("message", (reply: Reply) => {
    const entry = pending.get(reply.id)
    pending.delete(reply.id)
    entry?.settle(
      "outputs" in reply
        ? Effect.succeed(reply.outputs)
        : Effect.fail(failed(entry.request, reply.failure))
    )
  })
  thread.on("error", (cause) => end(String(cause)))
  thread.on("exit", (code) => end(`exit code ${code}`))
  const call = (request: Request) =>
    Effect.callback<Outputs, SessionError>((settle) => {
      if (death !== undefined) return settle(Effect.fail(died()))
      const message: Call = { id: calls++, request }
      pending.set(message.id, { request, settle })
      thread.postMessage(message)
      return Effect.sync(() => pending.delete(message.id))
    })
  return { portable: SessionFeeds.portable, call }
}
