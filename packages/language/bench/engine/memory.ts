/**
 * The memory that training needs: a process of its own, which makes some steps and says how large it is.
 * What it was before it loaded anything is taken off, so the runtime and our own code are counted.
 */
import * as Effect from "effect/Effect"
import { fork } from "node:child_process"
import type { Figure } from "../../../../scripts/figures.ts"
import type { Taken } from "./memory-of-steps.ts"
import { fewMillion } from "./size.ts"
import { printed } from "./timing.ts"

const script = new URL("./memory-of-steps.ts", import.meta.url)
const steps = 8

/** What the process says; that it says nothing is a defect. */
const taken = (keepsMemory: boolean) =>
  Effect.callback<Taken>((resume) => {
    const child = fork(script, [String(keepsMemory), String(steps)])
    child.once("message", (message: Taken) => resume(Effect.succeed(message)))
    child.once("error", (cause) => resume(Effect.die(cause)))
    child.once("exit", (code) => resume(Effect.die(`the process ended with code ${code}`)))
    return Effect.sync(() => child.kill())
  })

/** Two figures of one way to train: after the steps, and at the highest. */
const figuresOf = Effect.fnUntraced(function* (keepsMemory: boolean) {
  const { after, highest, loaded } = yield* taken(keepsMemory)
  const way = keepsMemory ? "as by default" : "keepsMemory: false"
  const { batch, length, name } = fewMillion
  const figure = (when: string, bytes: number): Figure => ({
    name: `memory of training ${name} (${batch} x ${length}), ${way}: ${when}`,
    unit: "MB",
    goal: 400,
    higherIsBetter: false,
    against: `the empty process; ${(loaded / 1e6).toFixed(0)} MB are loaded code, its types taken off`,
    value: bytes / 1e6
  })
  return [figure(`after ${steps} steps`, after), figure("at the highest", highest)]
})

/** First that which frees what it does not need, then the default, which is faster in small graphs. */
export const figures = Effect.forEach([false, true], figuresOf).pipe(
  Effect.map((all) => all.flat())
)

if (import.meta.main) await printed("memory", figures)
