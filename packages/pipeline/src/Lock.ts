/**
 * One process per run: a file with the number of the process that writes there.
 * It guards against mistakes on one machine, not against other machines on a shared disk.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { atFile, RunError } from "./RunError.ts"

/** Holds the folder until the scope closes. Fails as `Busy` while another living process holds it; a dead one's lock is taken over. */
export const holdLock = Effect.fn("Lock.holdLock")(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, "lock")
  yield* Effect.acquireRelease(take(file), () =>
    Effect.ignore(fileSystem.remove(file, { force: true }))
  )
})

/** The number of another living process that holds the folder; undefined where there is none. */
export const holderOf = Effect.fn("Lock.holderOf")(function* (directory: string) {
  const path = yield* Path.Path
  return yield* holderIn(path.join(directory, "lock"))
})

const holderIn = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const holder = yield* fileSystem.readFileString(file).pipe(Effect.orElseSucceed(() => ""))
  const number = Number.parseInt(holder, 10)
  const isOther = number > 0 && number !== process.pid && (yield* isAlive(number))
  return isOther ? number : undefined
})

const take = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const holder = yield* holderIn(file)
  if (holder !== undefined) return yield* busy(file, holder)
  yield* fileSystem.remove(file, { force: true }).pipe(Effect.mapError(atFile(file)))
  yield* fileSystem.writeFileString(file, `${process.pid}\n`, { flag: "wx" }).pipe(
    Effect.mapError(atFile(file)),
    Effect.mapError((error) => (error.reason === "Exists" ? busy(file, 0) : error))
  )
})

const busy = (file: string, holder: number): RunError =>
  new RunError({
    reason: "Busy",
    file,
    message: `${file}: process ${holder === 0 ? "" : `${holder} `}is at work in this run; wait until it ends, or stop it first`
  })

/** Signal 0 asks without disturbing. Not being allowed to ask (EPERM) means that somebody is there. */
const isAlive = (processNumber: number): Effect.Effect<boolean> =>
  Effect.try({
    try: () => process.kill(processNumber, 0),
    catch: (error) => ({ isThere: String(error).includes("EPERM") })
  }).pipe(Effect.catch(({ isThere }) => Effect.succeed(isThere)))
