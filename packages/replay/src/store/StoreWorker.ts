/**
 * The entry of the one thread that writes to a store: what waits together is committed together, and answered after that.
 * It decides nothing about experience; `StoreEngine` does the work.
 */
import * as Result from "effect/Result"
import { parentPort } from "node:worker_threads"
import * as Engine from "./StoreEngine.ts"
import { failureOf } from "./StoreFailure.ts"
import type { Answers, Call, OpenRequest, Reply, Request, Write } from "./StoreWire.ts"

/** So many trajectories are committed at once at most; nothing waits longer than the commit before it. */
const groupSize = 256

interface Waiting {
  readonly id: number
  readonly write: Write
}

let file = ""
let engine: Engine.Engine | undefined
let waiting: Array<Waiting> = []
let rows = 0
let timer: NodeJS.Immediate | undefined

type Answer = Answers[Request["kind"]]

const reply = (message: Reply): void => parentPort?.postMessage(message)

const attempt = <A>(work: () => A): Result.Result<A, unknown> =>
  Result.try({ try: work, catch: (cause) => cause })

const settle = (id: number, result: Result.Result<Answer, unknown>): void =>
  reply(
    Result.isSuccess(result)
      ? { id, answer: result.success }
      : { id, failure: failureOf(result.failure, file) }
  )

const opened = (): Engine.Engine => {
  if (engine === undefined) throw new Error("it was not opened")
  return engine
}

const open = (request: OpenRequest): Answers["open"] => {
  file = request.file
  engine = Engine.open(request)
  return { isNew: engine.isNew }
}

const write = (on: Engine.Engine, request: Write): Answer => {
  switch (request.kind) {
    case "add":
      return Engine.add(on, request.rows, request.at)
    case "replace":
      return Engine.replace(on, request.rows, request.at)
    case "snapshot":
      return Engine.snapshot(on, request.at)
    case "restore":
      return Engine.restore(on, request.version, request.at)
    case "release":
      return Engine.release(on, request.version)
  }
}

/** All of them or none. */
const commit = (group: ReadonlyArray<Waiting>): void => {
  const on = opened()
  on.database.exec("begin immediate")
  const done = attempt(() => {
    const replies = group.map(({ id, write: request }) => ({ id, answer: write(on, request) }))
    on.database.exec("commit")
    return replies
  })
  if (Result.isSuccess(done)) return done.success.forEach(reply)
  // A full disk may have ended the transaction already.
  if (on.database.isTransaction) on.database.exec("rollback")
  Engine.recount(on)
  throw done.failure
}

/** Where a group fails, each of it is tried alone, so that one cannot take the others with it. */
const writeAll = (group: ReadonlyArray<Waiting>): void => {
  const done = attempt(() => commit(group))
  if (Result.isSuccess(done)) return
  const [only, ...others] = group
  if (only === undefined) return
  if (others.length === 0) return reply({ id: only.id, failure: failureOf(done.failure, file) })
  for (const one of group) writeAll([one])
}

const flush = (): void => {
  clearImmediate(timer)
  const group = waiting
  ;[waiting, rows, timer] = [[], 0, undefined]
  if (group.length > 0) writeAll(group)
}

const receive = ({ id, request }: Call): void => {
  switch (request.kind) {
    case "open":
      return settle(
        id,
        attempt(() => open(request))
      )
    case "load":
      flush()
      return settle(
        id,
        attempt(() => Engine.load(opened(), request))
      )
    case "verify":
      flush()
      return settle(
        id,
        attempt(() => Engine.verify(opened()))
      )
    default:
      waiting.push({ id, write: request })
      rows += "rows" in request ? request.rows.length : 0
      if (rows >= groupSize) return flush()
      timer ??= setImmediate(flush)
  }
}

const finish = (): void => {
  flush()
  if (engine !== undefined) Engine.close(engine)
  parentPort?.close()
}

parentPort?.on("message", (message: Call | "close") =>
  message === "close" ? finish() : receive(message)
)
