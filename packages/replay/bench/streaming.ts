/**
 * Carries a million steps through each complete format, out and in, and tells the rate and the most memory that it took.
 * Run: node --conditions=source packages/replay/bench/streaming.ts [steps]
 */
import { Task, type Trajectory } from "@dreamgym/domain"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import { type FormatError, Jsonl, Parquet } from "../src/index.ts"
import { disk } from "../test/formats/files.ts"

const steps = Number(process.argv[2] ?? 1_000_000)
const stepsOfEach = 8
const filler = "the quick brown fox jumps over the lazy dog and runs along the river. ".repeat(4)

const trajectoryOf = (n: number): Trajectory.Trajectory => ({
  id: `t${n}`,
  task: {
    id: `task-${n % 200}`,
    environment: "bench",
    instruction: "put everything in its place",
    seed: n,
    payload: { rooms: 3 },
    origin: Task.original
  },
  firstObservation: `You are in room ${n}.`,
  transitions: Array.from({ length: stepsOfEach }, (_, i) => ({
    observation: i === 0 ? `You are in room ${n}.` : `${n} ${i - 1} ${filler}`,
    action: { text: `take thing ${i} of ${n}` },
    reward: i === stepsOfEach - 1 ? 1 : 0,
    nextObservation: `${n} ${i} ${filler}`,
    provenance: { _tag: "Real", environment: "bench", version: "1" }
  })),
  ending: { _tag: "Terminated", success: n % 3 === 0 },
  policy: "bench",
  policyVersion: 0
})

const all = Stream.range(0, steps / stepsOfEach - 1).pipe(Stream.map(trajectoryOf))

const counted = (read: Stream.Stream<Trajectory.Trajectory, FormatError.FormatError>) =>
  Stream.runFold(
    read,
    () => 0,
    (sum, { transitions }) => sum + transitions.length
  )

const timed = Effect.fnUntraced(function* <A, E, R>(name: string, work: Effect.Effect<A, E, R>) {
  const began = performance.now()
  yield* work
  const seconds = (performance.now() - began) / 1000
  const most = Math.round(process.resourceUsage().maxRSS / 1024)
  yield* Console.log(
    `${name.padEnd(14)} ${seconds.toFixed(1)} s, ${Math.round(steps / seconds)} steps/s, at most ${most} MiB so far`
  )
})

const complete = (count: number) =>
  count === steps ? Effect.void : Effect.die(`${count} of ${steps} steps came back`)

const program = (
  folder: string
): Effect.Effect<void, FormatError.FormatError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    yield* timed("write JSONL", Jsonl.write(`${folder}/x.jsonl`, all))
    yield* timed("read JSONL", Effect.flatMap(counted(Jsonl.read(`${folder}/x.jsonl`)), complete))
    yield* timed("write Parquet", Parquet.write(`${folder}/x`, all))
    yield* timed("read Parquet", Effect.flatMap(counted(Parquet.read(`${folder}/x`)), complete))
    const size = (name: string) => Math.round(fs.statSync(name).size / 2 ** 20)
    const shards = fs.readdirSync(`${folder}/x`).map((name) => size(`${folder}/x/${name}`))
    yield* Console.log(`JSONL ${size(`${folder}/x.jsonl`)} MiB, Parquet ${shards.join(" + ")} MiB`)
  })

const folder = fs.mkdtempSync(`${os.tmpdir()}/streaming-`)
await Effect.runPromise(
  program(folder).pipe(
    Effect.provide(disk()),
    Effect.ensuring(Effect.sync(() => fs.rmSync(folder, { recursive: true })))
  )
)
