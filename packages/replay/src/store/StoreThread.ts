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

/** A new thread, ended with the scope when it has written what it was asked to. `file` is named in errors. */
export const open = (
  file: string,
  entry: URL = builtEntry
): Effect.Effect<StoreThread, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Thread(file, entry)),
    (thread) => Effect.promise(() => thread.close())
  )

type Kind = Request["kind"]

interface Pending {
  answered(answer: Answers[Kind]): void
  failed(failure: Failure): void
}

class Thread implements StoreThread {
  readonly #file: string
  readonly #worker: Worker
  readonly #ended: Promise<void>
  readonly #pending = new Map<number, Pending>()
  #death: string | undefined
  #calls = 0

  constructor(file: string, entry: URL) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#file = file
    this.#ended = promise
    this.#worker = new Worker(entry, { execArgv: [] })
    this.#worker.on("message", (reply: Reply) => this.#settle(reply))
    this.#worker.on("error", (cause) => this.#end(String(cause)))
    this.#worker.on("exit", (code) => {
      this.#end(`exit code ${code}`)
      resolve()
    })
  }

  ask<R extends Request, A>(
    request: R,
    then: (answer: Answers[R["kind"]]) => A
  ): Effect.Effect<A, ReplayBuffer.ReplayBufferError> {
    return Effect.callback<A, ReplayBuffer.ReplayBufferError>((resume) => {
      const failed = (failure: Failure) => resume(Exit.fail(this.#errorOf(failure)))
      if (this.#death !== undefined) return failed(this.#deadly())
      const id = this.#calls++
      this.#pending.set(id, {
        failed,
        answered: (answer: Answers[R["kind"]]) => resume(Exit.succeed(then(answer)))
      })
      const call: Call = { id, request }
      this.#worker.postMessage(call)
    })
  }

  close(): Promise<void> {
    this.#worker.postMessage("close")
    return this.#ended
  }

  #settle(reply: Reply) {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ("failure" in reply) pending?.failed(reply.failure)
    else pending?.answered(reply.answer)
  }

  #end(cause: string) {
    this.#death ??= cause
    for (const { failed } of this.#pending.values()) failed(this.#deadly())
    this.#pending.clear()
  }

  #deadly(): Failure {
    const message = `${this.#file}: its thread ended (${this.#death}); what was acknowledged is kept: open it again`
    return { reason: "Io", message }
  }

  #errorOf({ message, reason }: Failure) {
    return new ReplayBuffer.ReplayBufferError({ reason, file: this.#file, message })
  }
}
