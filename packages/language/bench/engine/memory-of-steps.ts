/**
 * A process that makes training steps and tells its parent what memory they took, in bytes.
 * Its imports wait until it has looked at itself, so that what it loads is counted too.
 */
import { readFileSync } from "node:fs"

/** Resident memory above that of the empty process. */
export interface Taken {
  /** With our code and the runtime loaded, before the first graph. */
  readonly loaded: number
  readonly after: number
  readonly highest: number
}

const [keepsMemory, steps] = process.argv.slice(2)

/** The most that was ever resident. Linux's `maxRSS` starts at what the parent had. */
const highest = (): number =>
  process.platform === "linux"
    ? Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024
    : process.resourceUsage().maxRSS * 1024

const start = process.memoryUsage.rss()
const Effect = await import("effect/Effect")
const { Session } = await import("@dreamgym/graph")
const { fewMillion, parametersOf } = await import("./size.ts")
const { stepOf } = await import("./training.ts")

const taken = Effect.gen(function* () {
  const loaded = process.memoryUsage.rss() - start
  const options = { keepsMemory: keepsMemory === "true" }
  const step = yield* stepOf(fewMillion, parametersOf(fewMillion), options)
  for (let made = 0; made < Number(steps); made++) yield* step
  const after = process.memoryUsage.rss() - start
  const found: Taken = { loaded, after, highest: highest() - start }
  return found
}).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1 })))

process.send?.(await Effect.runPromise(taken))
