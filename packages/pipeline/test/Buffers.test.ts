/** Tests of the memory of a run: bounded, and free of what may not be known. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { ReplayBuffer as Buffer, type Trajectory } from "@dreamgym/domain"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as Buffers from "../src/Buffers.ts"
import type * as Checkpoint from "../src/Checkpoint.ts"
import { atRest } from "../src/CheckpointManifest.ts"
import { RunError } from "../src/RunError.ts"
import * as Snapshots from "../src/Snapshots.ts"
import * as World from "../src/World.ts"
import { trajectory as lived } from "./events.ts"
import { stateAt } from "./state.ts"
import { configOf } from "./tiny.ts"

const synthetic = {
  _tag: "Synthetic",
  model: "m",
  modelVersion: 1,
  retrieved: [],
  reasoning: "works.",
  scores: {},
  cost: 0
} as const

const dream = (number: number): Trajectory.Trajectory => ({
  ...lived,
  id: `dream-${number}`,
  transitions: lived.transitions.map((transition) => ({
    ...transition,
    nextObservation: `You hear ${number} bells.`,
    provenance: synthetic
  }))
})

const offline = { demonstrations: [], train: [lived], heldOut: [] }

const owned = World.make(configOf("/nowhere", "none")).pipe(
  Effect.map((world) => ({ world, offline, config: configOf("/nowhere", "none") }))
)

type Replay = Buffer.ReplayBuffer["Service"]
type Owner = Buffers.Owner

/** Does `work` with a new run's buffer, in memory or in `place`. */
const inNew = <A, E>(
  work: (buffer: Replay, owner: Owner) => Effect.Effect<A, E>,
  place?: Buffers.Place
) =>
  Effect.gen(function* () {
    const owner = yield* owned
    return yield* work(yield* Buffers.begin(owner, place), owner)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.runPromise)

/** Does `work` with the buffer that is in `place`. */
const inOld = <A, E>(place: Buffers.Place, work: (buffer: Replay) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    return yield* work(yield* Buffers.reopen(yield* owned, place))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.runPromise)

const all = (buffer: Replay) => Stream.runCollect(buffer.trajectories())

/** A checkpoint of where the buffer stands now. */
const checkpointOf = (buffer: Replay) =>
  Effect.gen(function* () {
    const state = yield* (yield* Snapshots.make(buffer, [])).take
    const whole: Checkpoint.Whole = {
      iteration: 1,
      path: "step-000001",
      files: {},
      versions: {},
      state: { ...atRest, buffer: state }
    }
    return whole
  })

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "buffers-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const rejected: Trajectory.Trajectory = {
  ...dream(8),
  verdict: { _tag: "Rejected", reason: "Contradiction", message: "no", scores: { a: 1 } }
}

describe("the memory of a run", () => {
  it("becomes what it was at the checkpoint, whatever was dreamt after it", async () => {
    const place: Buffers.Place = { _tag: "Sqlite", file: Buffers.fileOf(home) }
    const known = [dream(5), rejected, dream(1)]
    const { before, checkpoint } = await inNew(
      (buffer) =>
        Effect.gen(function* () {
          yield* buffer.add(known)
          const taken = { checkpoint: yield* checkpointOf(buffer), before: yield* all(buffer) }
          yield* buffer.add([dream(2), dream(3)])
          return taken
        }),
      place
    )
    expect(before.map(({ id }) => id)).toEqual(["trajectory-1", ...known.map(({ id }) => id)])
    expect(before.map(({ verdict }) => verdict)).toContainEqual(rejected.verdict)
    const after = await inOld(place, (buffer) =>
      Effect.andThen(Buffers.restore({ buffer, offline }, checkpoint, place), all(buffer))
    )
    expect(after).toEqual(before)
  })

  it("is not taken for that of a checkpoint that it does not fit", async () => {
    const place: Buffers.Place = { _tag: "Sqlite", file: Buffers.fileOf(home) }
    const whole = await inNew(checkpointOf, place)
    const restored = (checkpoint: Checkpoint.Whole, train = offline.train) =>
      inOld(place, (buffer) =>
        Effect.flip(
          Buffers.restore({ buffer, offline: { ...offline, train } }, checkpoint, place)
        ).pipe(Effect.map(({ message }) => message))
      )
    const other = { ...lived, id: "another" }
    expect(await restored(whole, [other])).toMatch(/is not the buffer of this run/)
    expect(await restored({ ...whole, state: atRest })).toMatch(/names no snapshot/)
    const buffer = whole.state.buffer ?? { ...stateAt(1).buffer }
    const withBuffer = (more: object) =>
      restored(Object.assign({}, whole, { state: { ...atRest, buffer: { ...buffer, ...more } } }))
    expect(await withBuffer({ snapshot: 99 })).toMatch(/has no snapshot 99/)
    expect(await withBuffer({ rejected: 3 })).toMatch(/is of other experience/)
  })

  it("keeps everything real and the 1,024 newest dreams, without what the policy sampled", async () => {
    const dreams = Array.from({ length: 1100 }, (_, i) => dream(i))
    const kept = await inNew((buffer) => Effect.andThen(buffer.add(dreams), all(buffer)))
    expect(kept.map(({ id }) => id)).toEqual([
      "trajectory-1",
      ...dreams.slice(76).map(({ id }) => id)
    ])
    const actions = kept.flatMap(({ transitions }) => transitions.map(({ action }) => action))
    expect(actions.filter((action) => "span" in action)).toEqual([])
  })

  it("refuses what is kept to evaluate on", async () => {
    const error = await inNew((buffer, { world }) => {
      const [task = lived.task] = world.heldOut
      return Effect.flip(buffer.add([{ ...lived, task }]))
    })
    expect(error).toMatchObject({ _tag: "ReplayBufferError", reason: "EvaluationData" })
  })
})

describe("the place of a run's memory", () => {
  const placeOf = (settings: ReadonlyArray<string>) =>
    Buffers.placeOf({
      name: "My run-2.b",
      path: "/runs/x",
      config: configOf("/runs", "x", settings)
    })

  it("is a file in its folder, or a schema of its own on a server", () => {
    const url = "postgresql://me@host/db"
    expect(placeOf([])).toEqual({ _tag: "Sqlite", file: "/runs/x/replay.sqlite" })
    expect(placeOf([`replay.url=${url}`])).toEqual({
      _tag: "Postgres",
      url,
      schema: "dreamgym_my_run_2_b"
    })
    expect(placeOf([`replay.url=${url}`, "replay.schema=s"])).toMatchObject({ schema: "s" })
  })

  it("is refused to a new run where another's experience is", async () => {
    const place: Buffers.Place = { _tag: "Sqlite", file: Buffers.fileOf(home) }
    await inNew(() => Effect.void, place)
    const error = await Effect.runPromise(
      Effect.flatMap(owned, (owner) => Effect.flip(Buffers.begin(owner, place))).pipe(
        Effect.scoped,
        Effect.provide(NodeServices.layer)
      )
    )
    expect(error).toMatchObject({ _tag: "RunError", reason: "Exists" })
  })

  const server = process.env["DREAMGYM_TEST_PG_URL"]

  it.skipIf(server === undefined)("may be a server: DREAMGYM_TEST_PG_URL", async () => {
    const parsed = new URL(server ?? "")
    vi.stubEnv("PGPASSWORD", decodeURIComponent(parsed.password))
    parsed.password = ""
    const schema = `test_pipeline_${process.pid}_${Date.now()}`
    const place: Buffers.Place = { _tag: "Postgres", url: parsed.href, schema }
    const known = [dream(5), rejected, dream(1)]
    const { before, checkpoint } = await inNew(
      (buffer) =>
        Effect.gen(function* () {
          yield* buffer.add(known)
          const taken = { checkpoint: yield* checkpointOf(buffer), before: yield* all(buffer) }
          yield* buffer.add([dream(2)])
          return taken
        }),
      place
    )
    const after = await inOld(place, (buffer) =>
      Effect.andThen(Buffers.restore({ buffer, offline }, checkpoint, place), all(buffer))
    )
    expect(after).toEqual(before)
    vi.unstubAllEnvs()
  })
})

/** A buffer that only counts: `released` are the snapshots that it was told to forget. */
const counting = () => {
  const released: Array<number> = []
  let next = 0
  const stats = {
    trajectories: 1,
    realTransitions: 1,
    syntheticTransitions: 0,
    duplicates: 3,
    successes: 1,
    rejected: 0
  }
  const buffer = Buffer.ReplayBuffer.of({
    add: () => Effect.succeed(0),
    sample: () => Effect.succeed([]),
    draw: () => Effect.succeed([]),
    prioritise: () => Effect.void,
    similar: () => Effect.succeed([]),
    stats: Effect.succeed(stats),
    trajectories: () => Stream.empty,
    snapshot: Effect.sync(() => ++next),
    restore: () => Effect.void,
    release: (snapshot) => {
      if (snapshot === 77) {
        return Effect.fail(new Buffer.ReplayBufferError({ reason: "NoSnapshot", message: "no" }))
      }
      if (snapshot === 88 && released.length === 0) {
        return Effect.fail(new Buffer.ReplayBufferError({ reason: "DiskFull", message: "full" }))
      }
      return Effect.sync(() => void released.push(snapshot))
    }
  })
  return { buffer, released }
}

describe("the snapshots of a run", () => {
  it("stay while a checkpoint names them or they are the newest; the others go", async () => {
    const { buffer, released } = counting()
    const program = Effect.gen(function* () {
      const snapshots = yield* Snapshots.make(buffer, [77, -1])
      for (const _ of [1, 2, 3, 4]) yield* snapshots.take
      yield* snapshots.releaseExcept(Effect.succeed([stateAt(2), stateAt(-1)]))
      return (yield* snapshots.take).held
    })
    expect(await Effect.runPromise(program)).toEqual([-1, 2, 4, 5])
    expect(released).toEqual([1, 3])
  })

  it("all stay where a checkpoint cannot be read, and one that cannot go is tried again", async () => {
    const { buffer, released } = counting()
    const program = Effect.gen(function* () {
      const snapshots = yield* Snapshots.make(buffer, [88])
      yield* snapshots.take
      const unreadable = new RunError({ reason: "Damaged", file: "f", message: "f: torn" })
      yield* snapshots.releaseExcept(Effect.fail(unreadable))
      yield* snapshots.releaseExcept(Effect.succeed([]))
      expect(released).toEqual([])
      expect((yield* snapshots.take).held).toEqual([88, 1, 2])
      released.push(0)
      yield* snapshots.releaseExcept(Effect.succeed([]))
    })
    await Effect.runPromise(Effect.provide(program, Logger.layer([])))
    expect(released).toEqual([0, 88, 1])
  })
})
