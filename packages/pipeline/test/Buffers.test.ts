/** Tests of the memory of a run: bounded, and free of what may not be known. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Buffers from "../src/Buffers.ts"
import * as World from "../src/World.ts"
import { trajectory as lived } from "./events.ts"
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

const made = (dreams: ReadonlyArray<Trajectory.Trajectory>) =>
  World.make(configOf("/nowhere", "none")).pipe(
    Effect.flatMap((world) =>
      Effect.map(Buffers.make(offline, world, dreams), (buffer) => ({ world, buffer }))
    ),
    Effect.scoped,
    Effect.provide(NodeServices.layer)
  )

/** Does `work` with a buffer in the database `file`, and closes it. */
const inDatabase = <A, E>(
  file: string,
  dreams: ReadonlyArray<Trajectory.Trajectory>,
  work: (buffer: ReplayBuffer.ReplayBuffer["Service"]) => Effect.Effect<A, E>
) =>
  World.make(configOf("/nowhere", "none")).pipe(
    Effect.flatMap((world) => Buffers.make(offline, world, dreams, file)),
    Effect.flatMap(work),
    Effect.scoped,
    Effect.provide(NodeServices.layer),
    Effect.runPromise
  )

describe("the memory of a run", () => {
  it("in a database, is what it is in memory, whatever was dreamt after the checkpoint", async () => {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), "buffers-"))
    const file = Buffers.fileOf(home)
    const known = [dream(1), dream(2)]
    await inDatabase(file, [], (buffer) => buffer.add([dream(5), ...known, dream(3)]))
    const snapshot = await inDatabase(file, known, (buffer) =>
      Effect.andThen(buffer.add([dream(4)]), buffer.snapshot)
    )
    const inMemory = await Effect.runPromise(
      Effect.flatMap(made(known), ({ buffer }) =>
        Effect.andThen(buffer.add([dream(4)]), buffer.snapshot)
      )
    )
    expect(snapshot).toEqual(inMemory)
    expect(await inDatabase(file, known, (buffer) => buffer.snapshot)).toEqual(
      inMemory.slice(0, -1)
    )
    fs.rmSync(home, { recursive: true })
  })

  it("keeps everything real and the 1,024 newest dreams, without what the policy sampled", async () => {
    const dreams = Array.from({ length: 1100 }, (_, i) => dream(i))
    const kept = await Effect.runPromise(
      Effect.flatMap(made(dreams.slice(0, 600)), ({ buffer }) =>
        Effect.andThen(buffer.add(dreams.slice(600)), buffer.snapshot)
      )
    )
    expect(kept.map(({ id }) => id)).toEqual([
      "trajectory-1",
      ...dreams.slice(76).map(({ id }) => id)
    ])
    const actions = kept.flatMap(({ transitions }) => transitions.map(({ action }) => action))
    expect(actions.filter((action) => "span" in action)).toEqual([])
  })

  it("refuses what is kept to evaluate on", async () => {
    const error = await Effect.runPromise(
      Effect.flatMap(made([]), ({ buffer, world }) => {
        const [task = lived.task] = world.heldOut
        return Effect.flip(buffer.add([{ ...lived, task }]))
      })
    )
    expect(error).toMatchObject({ _tag: "ReplayBufferError", reason: "EvaluationData" })
  })
})
