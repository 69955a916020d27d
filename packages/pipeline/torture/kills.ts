/**
 * Kills a saver of checkpoints at random moments, and judges what is left: the newest acknowledged checkpoint or a newer one is whole,
 * nothing newer had to be skipped, and the buffer comes back to just what it held then.
 * It finds; what a finding means to a reader is said in `checkpoint.ts` or a test.
 */
import { spawn } from "node:child_process"
import { isDeepStrictEqual } from "node:util"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Checkpoint from "../src/Checkpoint.ts"
import { opened, restored } from "./left.ts"
import { filesAfter, idsAfter, keepLast } from "./world.ts"

/** `findings` are sentences, one for each thing that is wrong. `lookMs`: to open, verify and restore everything. */
export interface Kill {
  readonly acknowledged: number
  readonly found: number
  readonly lookMs: number
  readonly findings: ReadonlyArray<string>
}

/**
 * A series of kills in one folder. `random`: uniform in [0, 1); a saver lives `longestMs` at most after it opened what is there, or
 * (mostly) after its first save.
 */
export const killed = Effect.fn("Torture.killed")(function* (options: {
  readonly directory: string
  readonly kills: number
  readonly longestMs: number
  readonly random: () => number
}) {
  const { directory, kills, longestMs, random } = options
  const done: Array<Kill> = []
  let acknowledged = 0
  for (let i = 0; i < kills; i++) {
    const said = yield* Effect.promise(() =>
      lifeOf(directory, random() < 0.25 ? 1 : 2, random() * longestMs)
    )
    acknowledged = Math.max(acknowledged, ...said)
    if (yield* Checkpoint.isAny(directory)) done.push(yield* judged(directory, acknowledged))
    else done.push({ acknowledged, found: 0, lookMs: 0, findings: lostAll(acknowledged) })
  }
  return done
}, Effect.provide(NodeServices.layer))

/** The iterations that a saver acknowledged before it was killed, `after` milliseconds after it said so many `words`. */
const lifeOf = (
  directory: string,
  words: number,
  after: number
): Promise<ReadonlyArray<number>> => {
  const { promise, reject, resolve } = Promise.withResolvers<ReadonlyArray<number>>()
  const entry = new URL("saver.ts", import.meta.url).pathname
  const child = spawn(process.execPath, ["--conditions=source", entry, directory], {
    stdio: ["ignore", "pipe", "pipe"]
  })
  const said = { stdout: "", stderr: "" }
  let isDoomed = false
  child.stdout.on("data", (data) => {
    said.stdout += String(data)
    if (isDoomed || said.stdout.split("\n").length <= words) return
    isDoomed = true
    setTimeout(() => child.kill("SIGKILL"), after)
  })
  child.stderr.on("data", (data) => {
    said.stderr += String(data)
  })
  child.on("close", (_, signal) =>
    signal === "SIGKILL"
      ? resolve(said.stdout.split("\n").slice(1, -1).map(Number))
      : reject(new Error(`the saver ended by itself: ${said.stderr}${said.stdout}`))
  )
  return promise
}

const lostAll = (acknowledged: number): ReadonlyArray<string> =>
  acknowledged === 0 ? [] : [`${acknowledged} was acknowledged, no checkpoint is left`]

const judged = Effect.fnUntraced(function* (directory: string, acknowledged: number) {
  const [took, { checkpoint, ids }] = yield* Effect.timed(looked(directory))
  const { files, iteration, skipped } = checkpoint
  const count = (yield* Checkpoint.states(directory)).length
  const findings = [
    ...skipped.map(({ message }) => message),
    ...(iteration >= acknowledged
      ? []
      : [`${acknowledged} was acknowledged, ${iteration} is left`]),
    ...(isDeepStrictEqual(files, filesAfter(iteration)) ? [] : [`${iteration} has other files`]),
    ...(isDeepStrictEqual(ids, idsAfter(iteration)) ? [] : [`${iteration} has another buffer`]),
    ...(count <= keepLast + 1 ? [] : [`${count} checkpoints were left`])
  ]
  const kill: Kill = { acknowledged, found: iteration, lookMs: Duration.toMillis(took), findings }
  return kill
})

const looked = (directory: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const buffer = yield* opened(directory)
      const { checkpoint } = yield* restored(directory, buffer)
      const ids = yield* Stream.runCollect(Stream.map(buffer.trajectories(), ({ id }) => id))
      return { checkpoint, ids }
    })
  )
