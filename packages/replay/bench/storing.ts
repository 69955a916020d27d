/**
 * How fast a buffer's database takes and gives: figures for `replay.bench.ts`.
 * Steps are of about 600 bytes, eight to a trajectory; vectors of 384 numbers lie beside them.
 */
import { Seed, Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import type { Figure } from "../../../scripts/figures.ts"
import * as Kept from "../src/Kept.ts"
import * as KeptVectors from "../src/retrieval/KeptVectors.ts"
import * as Store from "../src/store/Store.ts"
import { disk } from "../test/disk.ts"
import { filesOf } from "../test/retrieval/files.ts"
import {
  attributesOf,
  dimension,
  figure,
  median,
  rate,
  temporaryDirectory,
  took,
  vectors
} from "./measure.ts"

const stepsOfEach = 8
const together = 250
const space: Kept.Space = { embedder: "bench", dimension }

const filler = "the quick brown fox jumps over the lazy dog and runs along the river. ".repeat(8)

const comingOf = (n: number): Kept.Coming => {
  const { isReal, quality, task } = attributesOf(n)
  const provenance: Trajectory.Provenance = isReal
    ? { _tag: "Real", environment: "bench", version: "1" }
    : {
        _tag: "Synthetic",
        model: "dreamer",
        modelVersion: 1,
        retrieved: [],
        reasoning: "",
        scores: {},
        cost: 0
      }
  const trajectory: Trajectory.Trajectory = {
    id: `t${n}`,
    task: {
      id: task,
      environment: "bench",
      instruction: "put everything in its place",
      seed: n,
      payload: null,
      origin: Task.original
    },
    firstObservation: `You are in room ${n}.`,
    transitions: Array.from({ length: stepsOfEach }, (_, i) => ({
      observation: i === 0 ? `You are in room ${n}.` : `${n} ${i - 1} ${filler}`,
      action: { text: `take thing ${i} of ${n}` },
      reward: 0,
      nextObservation: `${n} ${i} ${filler}`,
      provenance
    })),
    ending: { _tag: "Terminated", success: n % 3 === 0 },
    policy: "bench",
    policyVersion: 0
  }
  return Kept.comingOf(trajectory, () => quality)
}

/** Steps per second in additions of 2,000 steps, two of them under way at any time; what is added is made before the clock starts. */
const bulk = Effect.fnUntraced(function* (store: Store.Store, trajectories: number) {
  const parts = 10
  let milliseconds = 0
  for (let part = 0; part < parts; part++) {
    const size = trajectories / parts
    const all = Array.from({ length: size }, (_, i) => comingOf(part * size + i))
    const groups = Array.from({ length: Math.ceil(size / together) }, (_, i) =>
      all.slice(i * together, (i + 1) * together)
    )
    milliseconds += yield* took(Effect.forEach(groups, store.add, { concurrency: 2 }))
  }
  return ((trajectories * stepsOfEach) / milliseconds) * 1000
})

/** One trajectory of one step, added and safe; beside it 4 KiB written and synced to a file of its own, in turns. */
const single = Effect.fnUntraced(function* (store: Store.Store, file: string) {
  const page = new Uint8Array(4096)
  const handle = fs.openSync(file, "w")
  const times: Array<readonly [number, number]> = []
  for (let i = 0; i < 200; i++) {
    const { trajectory } = comingOf(1e9 + i)
    const transitions = trajectory.transitions.slice(0, 1)
    const coming = Kept.comingOf({ ...trajectory, transitions }, () => 1)
    const sync = Effect.sync(() => {
      fs.writeSync(handle, page)
      fs.fdatasyncSync(handle)
    })
    times.push([yield* took(store.add([coming])), yield* took(sync)])
  }
  fs.closeSync(handle)
  return { add: median(times.map(([add]) => add)), sync: median(times.map(([, sync]) => sync)) }
})

const singly = Effect.fnUntraced(function* (store: Store.Store, file: string) {
  const { add, sync } = yield* single(store, file)
  const against = `one fdatasync of 4 KiB, ${sync.toFixed(2)} ms`
  return { ...figure("one step, safe on disk, p50", "x", 1.5, add / sync), against }
})

/** Thirty-two trajectories that are not in memory: 256 steps. */
const batch = Effect.fnUntraced(function* (file: string) {
  const store = yield* Store.open({ file, cached: 0 }, () => undefined)
  const entries = store.entries()
  const random = Seed.generator(3)
  const times: Array<number> = []
  for (let i = 0; i < 100; i++) {
    const chosen = Array.from({ length: 256 / stepsOfEach }, () => {
      const entry = entries[Seed.below(random, entries.length)]
      return entry === undefined ? [] : [entry]
    })
    times.push(yield* took(store.read(chosen.flat())))
  }
  return median(times)
}, Effect.scoped)

/** The files of a database that is open, as a kill would leave them. */
const abandoned = (file: string): string => {
  const copy = `${file}-abandoned`
  for (const part of ["", "-wal"]) fs.copyFileSync(`${file}${part}`, `${copy}${part}`)
  return copy
}

const seconds = <A, E>(work: Effect.Effect<A, E>) => Effect.map(took(work), (it) => it / 1000)

/** Vectors per second, in writes of 256 trajectories. */
const embedded = Effect.fnUntraced(function* (store: Store.Store) {
  const next = vectors(1)
  const entries = store.entries()
  let milliseconds = 0
  for (let at = 0; at < entries.length; at += 256) {
    const some = entries.slice(at, at + 256).map(({ realSteps, seq, syntheticSteps }) => {
      const rows = new Float32Array((realSteps + syntheticSteps) * dimension)
      for (let i = 0; i < rows.length; i += dimension) rows.set(next(), i)
      return { seq, vectors: rows }
    })
    milliseconds += yield* took(store.vectors?.write(space, some) ?? Effect.void)
  }
  return ((entries.length * stepsOfEach) / milliseconds) * 1000
})

/** Seconds that a new process takes for the index of all vectors. */
const beginning = (file: string, from: "database" | "side-car"): Effect.Effect<number> =>
  Effect.sync(() => {
    const entry = new URL("beginning.ts", import.meta.url).pathname
    const told = execFileSync(process.execPath, ["--conditions=source", entry, file, from], {
      encoding: "utf8"
    })
    return Number(told)
  })

/** The index of all vectors, as a process that begins makes it from the database, and from the side-car that is written in between. */
const indexes = Effect.fnUntraced(function* (name: string, store: Store.Store, file: string) {
  const entries = new Map(store.entries().map((entry) => [entry.seq, entry]))
  const read = yield* seconds(store.vectors?.read(space, () => Effect.void) ?? Effect.void)
  const fromDatabase = yield* beginning(file, "database")
  const files = yield* FileSystem.FileSystem
  const { index } = yield* KeptVectors.load({ kept: store, space }, entries)
  const place = { kept: store, space, files }
  const written = yield* seconds(KeptVectors.writeCopy(place, index, [...entries.values()]))
  const fromSideCar = yield* beginning(file, "side-car")
  return [
    figure(`vectors of ${name} read from the database`, "s", 5, read),
    figure(`index of ${name} from the database`, "s", 10, fromDatabase),
    figure(`side-car of ${name} written`, "s", 10, written),
    figure(`index of ${name} from its side-car`, "s", 5, fromSideCar)
  ]
})

/** `name` says how many steps there are in `trajectories`. */
export const storing = (
  name: string,
  trajectories: number
): Effect.Effect<ReadonlyArray<Figure>, unknown> =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const file = `${directory}/replay.sqlite`
    const store = yield* Store.open({ file }, () => undefined)
    const perSecond = yield* bulk(store, trajectories)
    const one = yield* singly(store, `${directory}/synced`)
    const copy = abandoned(file)
    const opening = yield* took(Effect.scoped(Store.open({ file: copy }, () => undefined)))
    const reading = yield* batch(copy)
    fs.rmSync(copy)
    const vectorsPerSecond = yield* embedded(store)
    return [
      rate(`${name} steps in bulk`, 15_000, perSecond),
      { ...one, name: `${one.name}, beside ${name}` },
      figure(`256 steps by number of ${name}, p50`, "ms", 5, reading),
      figure(`open after a crash, ${name} steps`, "ms", 50, opening),
      rate(`vectors of ${name} kept`, 15_000, vectorsPerSecond),
      ...(yield* indexes(name, store, file))
    ]
  }).pipe(Effect.scoped, Effect.provide(filesOf(disk())))
