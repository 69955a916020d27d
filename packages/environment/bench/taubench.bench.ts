/**
 * How fast tau-bench's data are loaded, its tools called, its databases hashed and its episodes kept: `npm run bench -- taubench`.
 * It says nothing of whether the answers are right; the recordings in the tests do.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import * as Database from "../src/taubench/Database.ts"
import * as DatabaseHash from "../src/taubench/DatabaseHash.ts"
import * as ScriptedUser from "../src/taubench/episode/ScriptedUser.ts"
import * as TauEpisode from "../src/taubench/episode/TauEpisode.ts"
import * as TauTask from "../src/taubench/episode/TauTask.ts"
import * as Transcript from "../src/taubench/episode/Transcript.ts"
import { json } from "../src/taubench/python/Text.ts"
import * as TauData from "../src/taubench/TauData.ts"
import * as TauRecording from "../src/taubench/TauRecording.ts"
import * as TauTools from "../src/taubench/TauTools.ts"
import { Disk } from "../test/disk.ts"
import { cost, heap, median, rate, took } from "./questions.ts"

const domains = ["retail", "airline"] as const

const questions = {
  calls: (domain: Database.Domain) => rate(`recorded tool calls, ${domain}`, 5_000),
  load: (domain: Database.Domain) => cost(`load of the databases, ${domain}, median`, "ms", 300),
  hash: (domain: Database.Domain) => cost(`hash of a changed database, ${domain}, median`, "ms", 5),
  memory: (domain: Database.Domain) =>
    cost(`1,000 live episodes with their tasks' actions done, ${domain}`, "MB", 100),
  runs: rate("recorded gpt-4o runs played and scored again, airline", 100)
}

const here = fileURLToPath(new URL("../../..", import.meta.url))

const dataFolder = [process.env["TAU_BENCH_DATA"], `${here}/../shared/data/tau-bench`].find(
  (folder) => folder !== undefined && existsSync(`${folder}/oracle`)
)

const timesOf = (count: number, work: () => void): ReadonlyArray<number> =>
  Array.from({ length: count }, () => took(work))

const onDisk = <A, E>(program: Effect.Effect<A, E, FileSystem.FileSystem>) =>
  Effect.runPromise(Effect.provide(program, Disk))

const loading = async (folder: string, domain: Database.Domain): Promise<number> => {
  const times: Array<number> = []
  for (let count = 0; count < 7; count++) {
    const began = performance.now()
    await onDisk(TauData.tables(folder, domain))
    times.push(performance.now() - began)
  }
  return median(times)
}

/** Calls per second: the tasks' own and the mutated ones, each episode on a fresh database, nothing compared. */
const calling = async (folder: string, base: Database.Tables): Promise<number> => {
  const recordings = await Promise.all(
    [base.domain, `${base.domain}_fuzz`].map((name) =>
      onDisk(TauRecording.read(`${folder}/oracle/${name}.jsonl`))
    )
  )
  const episodes = recordings.flat()
  const calls = episodes.reduce((sum, episode) => sum + episode.calls.length, 0)
  const times = timesOf(11, () => {
    for (const episode of episodes) {
      const database = Database.start(base)
      for (const call of episode.calls) TauTools.call(database, call.name, call.arguments)
    }
  })
  return (calls * 1000) / median(times)
}

const hashing = (base: Database.Tables): number => {
  const database = Database.start(base)
  const [id] = base.tables.get("users")?.keys() ?? []
  Database.own(database, "users", id ?? "")
  DatabaseHash.hashOf(database)
  return median(timesOf(51, () => DatabaseHash.hashOf(database)))
}

/** Megabytes that 1,000 open episodes keep, each with the own actions of a task done, as far as they do not end it. */
const living = (shop: TauData.TauDomain, tasks: ReadonlyArray<TauTask.TauTask>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const before = heap()
      const kept: Array<unknown> = []
      for (let count = 0; count < 1000; count++) {
        const task = tasks[count % tasks.length]
        if (task === undefined) return Number.NaN
        const user = ScriptedUser.fromInstruction()
        const episode = yield* TauEpisode.open(shop, task, { user, key: count, stepLimit: 100 })
        for (const { arguments: given, name } of task.actions) {
          if (shop.terminateTools.includes(name)) continue
          yield* episode.step({ text: `{"name": ${json(name)}, "arguments": ${json(given)}}` })
        }
        kept.push(episode)
      }
      const megabytes = (heap() - before) / 2 ** 20
      // Read only now, so that all of them are alive until here.
      return kept.length === 1000 ? megabytes : Number.NaN
    })
  )

/** Runs per second, each with its final comparison of databases. */
const scoring = async (folder: string, shop: TauData.TauDomain): Promise<number> => {
  const file = `${folder}/transcripts/gpt-4o-airline.json`
  const runs = Result.getOrThrow(Transcript.read(readFileSync(file, "utf8"), file))
  const began = performance.now()
  for (const run of runs) await Effect.runPromise(Transcript.replay(shop, run))
  return (runs.length * 1000) / (performance.now() - began)
}

const onData = async (folder: string): Promise<ReadonlyArray<Figure>> => {
  const figures: Array<Figure> = []
  for (const domain of domains) {
    figures.push({ ...questions.load(domain), value: await loading(folder, domain) })
    const shop = await onDisk(TauData.load(folder, domain))
    const file = `${folder}/${domain}/tasks_test.json`
    const tasks = Result.getOrThrow(TauTask.read(readFileSync(file, "utf8"), file))
    figures.push(
      { ...questions.calls(domain), value: await calling(folder, shop.tables) },
      { ...questions.hash(domain), value: hashing(shop.tables) },
      { ...questions.memory(domain), value: await Effect.runPromise(living(shop, tasks)) }
    )
    if (domain === "airline")
      figures.push({ ...questions.runs, value: await scoring(folder, shop) })
  }
  return figures
}

const missing = [
  ...domains.flatMap((domain) => [
    questions.load(domain),
    questions.calls(domain),
    questions.hash(domain),
    questions.memory(domain)
  ]),
  questions.runs
].map((question): Figure => ({
  ...question,
  missing: "needs tau-bench's data: set TAU_BENCH_DATA"
}))

const bench: Bench = async () => (dataFolder === undefined ? missing : await onData(dataFolder))

export default bench
