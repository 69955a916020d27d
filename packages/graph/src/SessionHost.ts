/**
 * A place where sessions live: a worker thread, or the caller's own.
 * It carries requests and settles every one of them, also when its thread dies; it checks nothing.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import { type Answer, Engine, type Feed, type LoadRequest, type Request } from "./SessionEngine.ts"
import { SessionError } from "./SessionError.ts"
import * as SessionFeeds from "./SessionFeeds.ts"
import { failureOf } from "./SessionPrograms.ts"
import { type Call, droppable, type Reply, type Shared } from "./SessionWire.ts"

/** A place that answers requests. */
export interface Host {
  /** The array in the form in which this place can read it. */
  readonly portable: (feed: Feed) => Feed
  readonly call: (request: Request) => Effect.Effect<Answer, SessionError>
}

const reasons = {
  load: "CompileFailed",
  probe: "NoProvider",
  run: "RunFailed",
  release: "RunFailed",
  perform: "RunFailed",
  resume: "RunFailed",
  abandon: "RunFailed"
} as const satisfies Record<Request["kind"], SessionError["reason"]>

const failed = (request: Request, cause: string | SessionFeeds.Fault) =>
  new SessionError(
    typeof cause === "string" ? { reason: reasons[request.kind], message: cause } : cause
  )

const dead = (why: string) =>
  new SessionError({ reason: "WorkerDied", message: `the session thread ended: ${why}` })

/** The caller's own thread, which each run blocks. A run that is no longer wanted is not begun. */
export const inline = (): Host => {
  const engine = new Engine()
  let last: Promise<unknown> = Promise.resolve()
  const queued = (request: Request, signal: AbortSignal) => {
    const work = last.then(() =>
      signal.aborted && request.kind === "run"
        ? { outputs: {} }
        : engine.handle(request, () => signal.aborted)
    )
    last = work.catch(() => undefined)
    return work
  }
  return {
    portable: (feed) => feed,
    call: (request) =>
      Effect.tryPromise({
        try: (signal) => queued(request, signal),
        catch: (cause) => failed(request, failureOf(cause))
      })
  }
}

const isSource = import.meta.url.endsWith(".ts")

const builtEntry = new URL("./SessionWorker" + (isSource ? ".ts" : ".js"), import.meta.url)

/** None of the process's own; but a program's sources import other packages' sources, as they were imported here. */
const execArgv = isSource ? ["--conditions=source"] : []

/** Long enough for a run that ends at all. */
const patience = 60_000

/**
 * A thread of its own, ended with the scope or the process. To kill a thread inside the runtime aborts
 * the process, so the run in progress is finished; what waits behind it fails. When a thread dies, what
 * it was asked fails; what is asked next starts another thread with the same sessions.
 */
export const worker = (entry: URL = builtEntry): Effect.Effect<Host, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Threads(entry)),
      (threads) => Effect.promise(() => threads.close())
    ),
    (threads) => ({
      portable: SessionFeeds.portable,
      call: (request) => threads.call(request)
    })
  )

/** One living thread at most, and the sessions that a new one must load. */
class Threads {
  readonly #entry: URL
  readonly #loaded = new Map<number, LoadRequest>()
  #thread: Thread
  #isClosed = false

  constructor(entry: URL) {
    this.#entry = entry
    this.#thread = new Thread(entry)
  }

  call(request: Request): Effect.Effect<Answer, SessionError> {
    return Effect.callback<Answer, SessionError>((settle) => {
      if (request.kind === "release") this.#loaded.delete(request.session)
      if (isFarewell(request) && this.#thread.isDead) return settle(Exit.succeed({ outputs: {} }))
      if (this.#isClosed) return settle(Exit.fail(dead("its pool was closed")))
      if (this.#thread.isDead) this.#revive()
      const cancel = this.#thread.ask(request, (result) => {
        if (request.kind === "load" && Exit.isSuccess(result))
          this.#loaded.set(request.session, request)
        settle(result)
      })
      return Effect.sync(cancel)
    })
  }

  close(): Promise<void> {
    this.#isClosed = true
    return this.#thread.close()
  }

  #revive() {
    this.#thread = new Thread(this.#entry)
    for (const request of this.#loaded.values()) this.#thread.ask(request, () => undefined)
  }
}

/** Nothing of it is left in a thread that is dead. */
const isFarewell = ({ kind }: Request) => kind === "release" || kind === "abandon"

interface Pending {
  readonly request: Request
  readonly settle: (result: Exit.Exit<Answer, SessionError>) => void
}

/** A thread from its start to its end. */
class Thread {
  readonly #pending = new Map<number, Pending>()
  readonly #signals = new Int32Array(new SharedArrayBuffer(8))
  readonly #dropped = new Int32Array(new SharedArrayBuffer(4 * droppable))
  readonly #worker: Worker
  readonly #ended: Promise<void>
  #death: string | undefined
  #calls = 0

  constructor(entry: URL) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const workerData: Shared = { signals: this.#signals, dropped: this.#dropped }
    const finishRun = () => {
      this.#stop()
      Atomics.wait(this.#signals, 1, 1, patience)
    }
    this.#ended = promise
    this.#worker = new Worker(entry, { execArgv, workerData })
    this.#worker.on("message", (reply: Reply) => this.#answered(reply))
    this.#worker.on("error", (cause) => this.#end(String(cause)))
    this.#worker.on("exit", (code) => {
      this.#end(`exit code ${code}`)
      process.off("exit", finishRun)
      resolve()
    })
    process.on("exit", finishRun)
  }

  get isDead(): boolean {
    return this.#death !== undefined
  }

  /** Asks the thread; the result takes back the question, which is dropped if it was not begun. */
  ask(request: Request, settle: Pending["settle"]): () => void {
    const id = this.#calls++
    this.#pending.set(id, { request, settle })
    const call: Call = { id, request }
    this.#worker.postMessage(call)
    return () => {
      this.#pending.delete(id)
      Atomics.store(this.#dropped, id % droppable, id + 1)
    }
  }

  close(): Promise<void> {
    this.#stop()
    this.#worker.postMessage("close")
    return this.#ended
  }

  #stop() {
    Atomics.store(this.#signals, 0, 1)
  }

  #answered(reply: Reply) {
    const entry = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    entry?.settle(
      "outputs" in reply ? Exit.succeed(reply) : Exit.fail(failed(entry.request, reply.failure))
    )
  }

  #end(cause: string) {
    this.#death ??= cause
    const error = dead(`${this.#death}; the next run starts another`)
    for (const { settle } of this.#pending.values()) settle(Exit.fail(error))
    this.#pending.clear()
  }
}
