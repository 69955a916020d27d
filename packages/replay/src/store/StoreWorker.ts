/**
 * The entry of the one thread that writes to stores: what waits together is committed together, and answered after that.
 * It decides nothing about experience; `StoreWriting` and `StoreReading` do the work.
 */
import * as Result from "effect/Result"
import { parentPort } from "node:worker_threads"
import * as Engine from "./StoreEngine.ts"
import { failureOf, Refused } from "./StoreFailure.ts"
import * as Read from "./StoreReading.ts"
import type { Answers, Call, Reading, Reply, Request, Write } from "./StoreWire.ts"
import * as Written from "./StoreWriting.ts"

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

/** Vectors are handed over; what they lay in is not this thread's any more. */
const reply = (message: Reply): void => {
  const answer = "answer" in message ? message.answer : undefined
  const isPage = typeof answer === "object" && "vectors" in answer
  const buffers = isPage ? answer.vectors.map(({ buffer }) => buffer) : []
  parentPort?.postMessage(
    message,
    buffers.filter((buffer) => buffer instanceof ArrayBuffer)
  )
}

const attempt = <A>(work: () => A): Result.Result<A, unknown> =>
  Result.try({ try: work, catch: (cause) => cause })

const write = ({ engine }: Served, request: Write): Answer => {
  switch (request.kind) {
    case "add":
      return Written.add(engine, request.rows, request.at)
    case "replace":
      return Written.replace(engine, request.rows, request.at)
    case "prioritise":
      return Written.prioritise(engine, request)
    case "embed":
      return Written.embed(engine, request)
    case "prune":
      return Written.prune(engine, request)
    case "snapshot":
      return Written.snapshot(engine, request.at)
    case "restore":
      return Written.restore(engine, request.version, request.at)
    case "release":
      return Written.release(engine, request.version)
  }
}

const read = (engine: Engine.Engine, request: Reading): Answer => {
  switch (request.kind) {
    case "index":
      return Read.index(engine)
    case "fetch":
      return Read.fetch(engine, request.seqs)
    case "page":
      return Read.page(engine, request.after, request.count)
    case "vectors":
      return Read.vectors(engine, request)
    case "dates":
      return Read.dates(engine)
    case "hasChanged":
      return Read.hasChanged(engine)
    case "soundness":
      return Read.soundness(engine)
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
  if (request.kind === "vacuum") return vacuum(served)
  if (request.kind !== "close") return read(served.engine, request)
  stores.delete(store)
  Engine.close(served.engine)
  return true
}

const vacuum = ({ engine }: Served): boolean => {
  engine.database.exec("vacuum; pragma wal_checkpoint(truncate)")
  return true
}

const enqueue = (served: Served, one: Waiting): void => {
  served.waiting.push(one)
  served.rows += sizeOf(one.write)
  if (served.rows >= groupSize) return flush(served)
  served.timer ??= setImmediate(flush, served)
}

const sizeOf = (request: Write): number =>
  "rows" in request ? request.rows.length : "seqs" in request ? request.seqs.length : 0

const isWrite = (request: Request): request is Write => writes.has(request.kind)
const writes: ReadonlySet<string> = new Set<Write["kind"]>([
  "add",
  "replace",
  "prioritise",
  "embed",
  "prune",
  "snapshot",
  "restore",
  "release"
])

const notToWrite = (served: Served | undefined): Error =>
  served === undefined
    ? new Error("it is not open")
    : new Refused("BadRequest", "it was opened to be read only; open it to write")

parentPort?.on("message", ({ id, request, store }: Call) => {
  const served = stores.get(store)
  if (isWrite(request) && served?.engine.isReadOnly === false) {
    return enqueue(served, { id, write: request })
  }
  const done = attempt(() => {
    if (isWrite(request)) throw notToWrite(served)
    return answer(store, request)
  })
  reply(
    Result.isSuccess(done) ? { id, answer: done.success } : { id, failure: failureOf(done.failure) }
  )
})
