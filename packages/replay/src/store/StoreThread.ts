/**
 * The thread that a store writes in, as its owner sees it: requests go in, and every one of them is answered, also when the thread dies.
 * It knows no trajectory.
 */
import { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import type { Answers, Call, Failure, Reply, Request } from "./StoreWire.ts"

/** `then` is called when the answer comes, before anything that is answered later. */
export interface StoreThread {
  readonly ask: <R extends Request, A>(
    request: R,
    then: (answer: Answers[R["kind"]]) => A
  ) => Effect.Effect<A, ReplayBuffer.ReplayBufferError>
}

const builtEntry = new URL(
  "./StoreWorker" + (import.meta.url.endsWith(".ts") ? ".ts" : ".js"),
  import.meta.url
)

/**
 * A store's place in the thread that all stores of this process share; it is given up with the scope, when all that was asked is
 * written. An idle thread does not keep the process alive. `file` is named in errors.
 */
export const open = (file: string): Effect.Effect<StoreThread, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      if (thread === undefined || thread.isDead) thread = new Thread(builtEntry)
      return thread.join(file)
    }),
    (place) =>
      place
        .ask({ kind: "close" }, () => undefined)
        .pipe(Effect.ignore, Effect.ensuring(Effect.sync(place.leave)))
  )

let thread: Thread | undefined

type Kind = Request["kind"]

interface Pending {
  answered(answer: Answers[Kind]): void
  failed(failure: Failure): void
}

interface Place extends StoreThread {
  readonly leave: () => void
}

/** A thread from its start to its end. */
class Thread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #stores = new Set<number>()
  #death: string | undefined
  #calls = 0

  constructor(entry: URL) {
    this.#worker = new Worker(entry, { execArgv: [] })
    this.#worker.on("message", (reply: Reply) => this.#settle(reply))
    this.#worker.on("error", (cause) => this.#end(String(cause)))
    this.#worker.on("exit", (code) => this.#end(`exit code ${code}`))
  }

  get isDead(): boolean {
    return this.#death !== undefined
  }

  join(file: string): Place {
    const store = this.#calls++
    this.#stores.add(store)
    this.#worker.ref()
    return {
      ask: (request, then) => this.#ask({ store, request }, file, then),
      leave: () => {
        this.#stores.delete(store)
        if (this.#stores.size === 0) this.#worker.unref()
      }
    }
  }

  #ask<R extends Request, A>(
    { request, store }: { readonly store: number; readonly request: R },
    file: string,
    then: (answer: Answers[R["kind"]]) => A
  ): Effect.Effect<A, ReplayBuffer.ReplayBufferError> {
    return Effect.callback<A, ReplayBuffer.ReplayBufferError>((resume) => {
      const failed = ({ message, reason }: Failure) => {
        const told = `${file}: ${message}`
        resume(Exit.fail(new ReplayBuffer.ReplayBufferError({ reason, file, message: told })))
      }
      if (this.#death !== undefined) return failed(deadly(this.#death))
      const id = this.#calls++
      this.#pending.set(id, {
        failed,
        answered: (answer: Answers[R["kind"]]) => resume(Exit.succeed(then(answer)))
      })
      const call: Call = { store, id, request }
      this.#worker.postMessage(call)
    })
  }

  #settle(reply: Reply) {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ("failure" in reply) pending?.failed(reply.failure)
    else pending?.answered(reply.answer)
  }

  #end(cause: string) {
    this.#death ??= cause
    for (const { failed } of this.#pending.values()) failed(deadly(this.#death))
    this.#pending.clear()
  }
}

const deadly = (cause: string): Failure => ({
  reason: "Io",
  message: `its thread ended (${cause}); what was acknowledged is kept: open it again`
})
