/**
 * Kills a writer of a buffer's database at random moments, and judges what is left: every acknowledged trajectory is there and whole,
 * nothing is there twice, and the database opens. It finds; what a finding means to a reader is said in `replay.ts` or a test.
 */
import * as Effect from "effect/Effect"
import * as Duration from "effect/Duration"
import { spawn } from "node:child_process"
import { copyFileSync } from "node:fs"
import { isDeepStrictEqual } from "node:util"
import * as Store from "../src/store/Store.ts"
import { quotasOf, trajectoryOf, type Work } from "./world.ts"

/** `findings` are sentences, one for each thing that is wrong. `openMs`: to open, read whole and check it. */
export interface Kill {
  readonly work: Work
  readonly acknowledged: number
  readonly kept: number
  readonly openMs: number
  readonly findings: ReadonlyArray<string>
}

/** A series of kills of one kind of work on one file. `random`: uniform in [0, 1); a writer lives `longestMs` after opening at most. */
export const killed = Effect.fn("Torture.killed")(function* (options: {
  readonly file: string
  readonly work: Work
  readonly kills: number
  readonly longestMs: number
  readonly random: () => number
}) {
  const { file, kills, longestMs, random, work } = options
  const acknowledged = new Set<number>()
  const done: Array<Kill> = []
  let next = 0
  for (let i = 0; i < kills; i++) {
    const lines = yield* Effect.promise(() => lifeOf(file, work, next, random() * longestMs))
    const added = numbersOf(lines, "added").flat()
    for (const n of added) acknowledged.add(n)
    // What a killed writer had begun is not begun again.
    next = Math.max(next, ...added) + 1000
    done.push(yield* judged(file, work, acknowledged, numbersOf(lines, "snapshot").at(-1)))
  }
  return done
})

/** What a writer said before it was killed. */
const lifeOf = (
  file: string,
  work: Work,
  first: number,
  after: number
): Promise<ReadonlyArray<string>> => {
  const { promise, reject, resolve } = Promise.withResolvers<ReadonlyArray<string>>()
  const entry = new URL("writer.ts", import.meta.url).pathname
  const child = spawn(process.execPath, ["--conditions=source", entry, file, work, String(first)], {
    stdio: ["ignore", "pipe", "pipe"]
  })
  const said = { stdout: "", stderr: "" }
  let isDoomed = false
  child.stdout.on("data", (data) => {
    said.stdout += String(data)
    if (isDoomed) return
    isDoomed = true
    setTimeout(() => child.kill("SIGKILL"), after)
  })
  child.stderr.on("data", (data) => {
    said.stderr += String(data)
  })
  child.on("close", (_, signal) =>
    signal === "SIGKILL"
      ? resolve(said.stdout.split("\n").slice(0, -1))
      : reject(new Error(`the writer ended by itself: ${said.stderr}`))
  )
  return promise
}

const numbersOf = (lines: ReadonlyArray<string>, word: string) =>
  lines
    .map((line) => line.split(" "))
    .filter(([first]) => first === word)
    .map(([, ...numbers]) => numbers.map(Number))

const judged = Effect.fnUntraced(function* (
  file: string,
  work: Work,
  acknowledged: ReadonlySet<number>,
  snapshot: ReadonlyArray<number> | undefined
) {
  const [took, { list, unsound }] = yield* Effect.timed(looked(file, work))
  const kept = new Set(list.map(({ id }) => Number(id)))
  const findings = [
    ...unsound,
    ...(kept.size === list.length ? [] : ["a trajectory is there twice"]),
    ...missing(work, acknowledged, kept),
    ...list
      .filter((one) => !isDeepStrictEqual(one, trajectoryOf(Number(one.id))))
      .map(({ id }) => `trajectory ${id} is not what it was`),
    ...(yield* strange(file, work, snapshot))
  ]
  const kill: Kill = {
    work,
    acknowledged: acknowledged.size,
    kept: list.length,
    openMs: Duration.toMillis(took),
    findings
  }
  return kill
})

/** Opens the database as a run would that goes on. */
const looked = (file: string, work: Work, version?: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* Store.open({ file, quotas: quotasOf(work) }, () => undefined)
      if (version !== undefined) yield* store.restore(version)
      const unsound = yield* store.verify
      const list = yield* store.read(store.entries())
      return { list: list ?? [], unsound }
    })
  )

/** Dreams may have gone for newer ones, up to the quota; nothing else may be missing. */
const missing = (
  work: Work,
  acknowledged: ReadonlySet<number>,
  kept: ReadonlySet<number>
): ReadonlyArray<string> => {
  const quota = quotasOf(work).synthetic ?? Number.POSITIVE_INFINITY
  const dreams = [...kept].filter(isDream)
  const oldest = dreams.length < quota ? 0 : Math.min(...dreams)
  const gone = [...acknowledged].filter((n) => !kept.has(n) && (!isDream(n) || n > oldest))
  return [
    ...(dreams.length > quota ? [`there are ${dreams.length} dreams, ${quota} may be`] : []),
    ...gone.map((n) => `trajectory ${n} was acknowledged and is gone`)
  ]
}

const isDream = (n: number): boolean => n % 2 === 1

/** What an acknowledged snapshot brings back in a copy must be what was there when it was taken. */
const strange = Effect.fnUntraced(function* (
  file: string,
  work: Work,
  snapshot: ReadonlyArray<number> | undefined
) {
  const [version, count, newest] = snapshot ?? []
  if (version === undefined) return []
  const copy = `${file}-copy`
  copyFileSync(file, copy)
  const { list, unsound } = yield* looked(copy, work, version)
  const isSame = list.length === count && Number(list.at(-1)?.id) === newest
  return [
    ...unsound,
    ...(isSame ? [] : [`snapshot ${version} was of ${count} trajectories, it is of ${list.length}`])
  ]
})
