/**
 * Kills a writer of a buffer's database at random moments, again and again on one file, and has what is left judged.
 * It says nothing of what is found (`judge.ts`).
 */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { copyFileSync, rmSync } from "node:fs"
import { inherit } from "./inheritance.ts"
import { judged, type Judgement, type Word } from "./judge.ts"
import { inheritance, type Work } from "./world.ts"

/** `acknowledged`: how many trajectories (inherited ones too), vectors of one, and imports, all lives of the file together. */
export interface Kill extends Judgement {
  readonly work: Work
  readonly acknowledged: number
}

/**
 * A series of kills of one kind of work on one file. `random`: uniform in [0, 1); a writer lives `longestMs` at most after it said
 * `words` lines (default 1: that it has opened the file, or begins to).
 */
export const killed = Effect.fn("Torture.killed")(function* (options: {
  readonly file: string
  readonly work: Work
  readonly kills: number
  readonly longestMs: number
  readonly random: () => number
  readonly words?: number
}) {
  const { file, kills, longestMs, random, words = 1, work } = options
  const template = `${file}-inherited`
  if (work === "migration") yield* inherit(template)
  let word: Word = nothing
  let next = work === "migration" ? inheritance : 0
  const done: Array<Kill> = []
  for (let i = 0; i < kills; i++) {
    if (work === "migration") {
      word = nothing
      laid(template, file)
    }
    const life = { file, work, first: next, words, after: random() * longestMs }
    const lines = yield* Effect.promise(() => lifeOf(life))
    word = heard(word, lines)
    // What a killed writer had begun is not begun again.
    next = Math.max(next, word.imported ?? 0, ...word.added) + 1000
    const judgement = yield* judged(file, work, word)
    done.push({ work, acknowledged: acknowledgedBy(work, word), ...judgement })
  }
  return done
})

const nothing: Word = {
  added: new Set(),
  embedded: new Set(),
  snapshot: undefined,
  imported: undefined,
  imports: 0
}

const acknowledgedBy = (work: Work, { added, embedded, imports }: Word): number =>
  added.size + embedded.size + imports + (work === "migration" ? inheritance : 0)

/** A file of the first version takes the place of what there was. */
const laid = (template: string, file: string): void => {
  for (const part of ["-wal", "-shm"]) rmSync(file + part, { force: true })
  copyFileSync(template, file)
}

const heard = (before: Word, lines: ReadonlyArray<string>): Word => {
  const said = Map.groupBy(
    lines.map((line) => line.split(" ")),
    ([word]) => word
  )
  const all = (word: string) => (said.get(word) ?? []).map(([, ...rest]) => rest.map(Number))
  return {
    added: new Set([...before.added, ...all("added").flat()]),
    embedded: new Set([...before.embedded, ...all("embedded").flat()]),
    snapshot: all("snapshot").at(-1),
    imported: all("imported").at(-1)?.[0] ?? before.imported,
    imports: before.imports + all("imported").length
  }
}

interface Life {
  readonly file: string
  readonly work: Work
  readonly first: number
  readonly words: number
  readonly after: number
}

/** What a writer said before it was killed. */
const lifeOf = ({ after, file, first, words, work }: Life): Promise<ReadonlyArray<string>> => {
  const { promise, reject, resolve } = Promise.withResolvers<ReadonlyArray<string>>()
  const entry = new URL("writer.ts", import.meta.url).pathname
  const child = spawn(process.execPath, ["--conditions=source", entry, file, work, String(first)], {
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
      ? resolve(said.stdout.split("\n").slice(0, -1))
      : reject(new Error(`the writer ended by itself: ${said.stderr}`))
  )
  return promise
}
