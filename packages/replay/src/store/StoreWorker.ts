/**
 * The entry of the one thread that writes to stores: what waits together is committed together, and answered after that.
 * It decides nothing about experience; `StoreEngine` does the work.
 */
import * as Result from "effect/Result"
import { parentPort } from "node:worker_threads"
import * as Engine from "./StoreEngine.ts"
import { failureOf } from "./StoreFailure.ts"
import * as Reading from "./StoreReading.ts"
import type { Answers, Call, Reply, Request, Write } from "./StoreWire.ts"

/** So many trajectories are committed at once at most; nothing waits longer than the commit before it. */
const groupSize = 256

interface Waiting {
  readonly id: number
  readonly write: Write
}

/** An open store, and what waits to be written to it. */
interface Served {
  readonly engine: Engine.Engine
  waiting: Array<Waiting>
  rows: number
  timer: NodeJS.Immediate | undefined
}

const stores = new Map<number, Served>()

type Answer = Answers[Request["kind"]]

const reply = (message: Reply): void => parentPort?.postMessage(message)

const attempt = <A>(work: () => A): Result.Result<A, unknown> =>
  Result.try({ try: work, catch: (cause) => cause })

const write = ({ engine }: Served, request: Write): Answer => {
  switch (request.kind) {
    case "add":
      return Engine.add(engine, request.rows, request.at)
    case "replace":
      return Engine.replace(engine, request.rows, request.at)
    case "snapshot":
      return Engine.snapshot(engine, request.at)
    case "restore":
      return Engine.restore(engine, request.version, request.at)
    case "release":
      return Engine.release(engine, request.version)
  }
}

/** All of them or none. */
const commit = (served: Served, group: ReadonlyArray<Waiting>): void => {
  const { database } = served.engine
  database.exec("begin immediate")
  const done = attempt(() => {
    const replies = group.map((one) => ({ id: one.id, answer: write(served, one.write) }))
    database.exec("commit")
    return replies
  })
  if (Result.isSuccess(done)) return done.success.forEach(reply)
  // A full disk may have ended the transaction already.
  if (database.isTransaction) database.exec("rollback")
  Engine.recount(served.engine)
  throw done.failure
}

/** Where a group fails, each of it is tried alone, so that one cannot take the others with it. */
const writeAll = (served: Served, group: ReadonlyArray<Waiting>): void => {
  const done = attempt(() => commit(served, group))
  if (Result.isSuccess(done)) return
  const [only, ...others] = group
  if (only === undefined) return
  if (others.length === 0) return reply({ id: only.id, failure: failureOf(done.failure) })
  for (const one of group) writeAll(served, [one])
}

const flush = (served: Served): void => {
  const group = served.waiting
  clearImmediate(served.timer)
  served.timer = undefined
  served.waiting = []
  served.rows = 0
  if (group.length > 0) writeAll(served, group)
}

/** What is not a write is answered at once, after all writes before it. */
const answer = (store: number, request: Exclude<Request, Write>): Answer => {
  if (request.kind === "open") {
    const engine = Engine.open(request)
    stores.set(store, { engine, waiting: [], rows: 0, timer: undefined })
    return { isNew: engine.isNew }
  }
  const served = stores.get(store)
  // A store that could not be opened has nothing to close.
  if (served === undefined) return false
  flush(served)
  if (request.kind === "index") return Reading.index(served.engine)
  if (request.kind === "fetch") return Reading.fetch(served.engine, request.seqs)
  if (request.kind === "verify") return Reading.verify(served.engine)
  stores.delete(store)
  Engine.close(served.engine)
  return true
}

const enqueue = (served: Served, one: Waiting): void => {
  served.waiting.push(one)
  served.rows += "rows" in one.write ? one.write.rows.length : 0
  if (served.rows >= groupSize) return flush(served)
  served.timer ??= setImmediate(flush, served)
}

const isWrite = (request: Request): request is Write => writes.has(request.kind)
const writes = new Set<string>(["add", "replace", "snapshot", "restore", "release"])

parentPort?.on("message", ({ id, request, store }: Call) => {
  const served = stores.get(store)
  if (isWrite(request) && served !== undefined) return enqueue(served, { id, write: request })
  const done = attempt(() => {
    if (isWrite(request)) throw new Error("it is not open")
    return answer(store, request)
  })
  reply(
    Result.isSuccess(done) ? { id, answer: done.success } : { id, failure: failureOf(done.failure) }
  )
})
