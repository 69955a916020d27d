/** Tests of settings of the learner that reach further than one update: into the policy's network, the clones and the checkpoints. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Ending, Seed } from "@dreamgym/domain"
import * as Trainable from "@dreamgym/language/Trainable"
import * as Weights from "@dreamgym/language/Weights"
import * as Imitation from "@dreamgym/learner/Imitation"
import * as Sft from "@dreamgym/learner/Sft"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Checkpoint from "../src/Checkpoint.ts"
import * as Clone from "../src/Clone.ts"
import * as Phases from "../src/Phases.ts"
import * as Prepared from "../src/Prepared.ts"
import * as Vocabulary from "../src/Vocabulary.ts"
import { dreamingOf, run, saying } from "./dreaming.ts"
import { allOf, copyAt, of } from "./runs.ts"
import { configOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "learner-settings-"))
const inHome = (name: string) => path.join(home, name)
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

/** In the real world alone, so that no experience model has to be fitted first. */
const real = ["train.realShareStart=1", "train.realShareEnd=1"]
const config = configOf(home, "unbroken", [
  ...real,
  "learner.critic=separate",
  "learner.klLossCoef=0.01",
  "learner.overlongTokens=30"
])
const unbroken = inHome("unbroken")
beforeAll(() => Effect.runPromise(train(config)), 60_000)

const loaded = (folder: string) =>
  Effect.runPromise(Effect.provide(Checkpoint.loadLatest(folder), NodeServices.layer))

describe("a run whose critic has a network of its own", () => {
  it("keeps it in its checkpoints, and goes on to the same end, bit for bit", async () => {
    const folder = copyAt(unbroken, inHome("resumed"), 2)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(unbroken))
  }, 60_000)

  it("trains the copy, which began as the policy's clone and is no part of the policy's words", async () => {
    const { files } = await loaded(unbroken)
    const { cloned, policy } = await run(
      Effect.gen(function* () {
        const { world } = yield* dreamingOf(saying(""), [])
        return yield* Prepared.read(files, world, config)
      }).pipe(Effect.scoped)
    )
    const trunkOf = ({ parameters }: Trainable.Trainable) =>
      parameters.arrays["critic.trunk.layers.0.up"]?.slice()
    const begun = trunkOf(policy)
    expect(begun).toEqual(cloned.parameters.arrays["layers.0.up"])
    await Effect.runPromise(
      Weights.decodeInto(
        policy.parameters,
        files["policy.safetensors"] ?? new Uint8Array(),
        "policy.safetensors"
      )
    )
    expect(trunkOf(policy)).not.toEqual(begun)
    const explained = of(unbroken, "UpdatedPolicy").map(
      ({ metrics }) => metrics["losses/value_loss"] ?? 0
    )
    expect(explained.every((loss) => loss > 0)).toBe(true)
  })
})

describe("a run that never dreams", () => {
  it("has no experience model in its checkpoints", async () => {
    const { files, state } = await loaded(unbroken)
    expect(Object.keys(files)).not.toContain("experience.safetensors")
    expect(state).not.toHaveProperty("experienceVersion")
    expect(of(unbroken, "FittedExperienceModel")).toEqual([])
  })

  it("goes on from a checkpoint of an older version, which had an untrained one", async () => {
    const folder = copyAt(unbroken, inHome("older"), 2)
    const { files, state } = await loaded(folder)
    const older = { ...files, "experience.safetensors": new Uint8Array([1, 2, 3]) }
    const save = Checkpoint.save(folder, 2, older, { ...state, experienceVersion: 0 })
    await Effect.runPromise(Effect.provide(save, NodeServices.layer))
    await Effect.runPromise(resume(folder))
    expect(of(folder, "RunResumed").map(({ iteration }) => iteration)).toEqual([2])
    expect(await allOf(folder)).toEqual(await allOf(unbroken))
  }, 60_000)

  it("is told from one that dreams, whose missing model is damage", async () => {
    const folder = copyAt(unbroken, inHome("dreaming"), 2)
    const { files } = await loaded(folder)
    const read = run(
      Effect.gen(function* () {
        const { world } = yield* dreamingOf(saying(""), [])
        const dreaming = configOf(home, "none", ["learner.critic=separate"])
        return yield* Effect.flip(Prepared.read(files, world, dreaming))
      }).pipe(Effect.scoped)
    )
    expect(await read).toMatchObject({ reason: "Damaged", file: "experience.safetensors" })
  })
})

describe("cloning with an anchor", () => {
  /** How far `cloned+` is from `cloned`, in nats per choice; and whether that of the demonstrations is what it is without. */
  const driftOf = (anchorCoef: number) =>
    run(
      Effect.gen(function* () {
        const dreaming = yield* dreamingOf(saying(""), [
          "evaluate.clonedPlus=true",
          "clone.maxUpdates=60",
          "clone.minUpdates=60",
          "clone.lr=0.005",
          `clone.anchorCoef=${anchorCoef}`
        ])
        const { offline, world } = dreaming
        const tokenizer = Vocabulary.tokenizerOf(world.knowledge, offline.train)
        const { cloned, clonedPlus = cloned } = yield* Phases.cloned(dreaming, tokenizer)
        const good = offline.train.filter(({ ending }) => Ending.isSuccess(ending))
        const rows = good.flatMap((one) =>
          Imitation.rowsOf(one, Clone.imitation(world, tokenizer)).map((row) => ({ row }))
        )
        const { kl = Number.NaN } = yield* Sft.fit(Trainable.copy(clonedPlus), rows, {
          updates: 1,
          batchSize: rows.length,
          schedule: () => 1e-9,
          weightDecay: 0,
          maxGradNorm: 1,
          key: Seed.key(1, "drift"),
          anchor: { reference: cloned, coefficient: 1 }
        })
        return { kl, cloned: Buffer.from(cloned.parameters.memory.slice(0)) }
      }).pipe(Effect.scoped)
    )

  it("holds the clone of all successes nearer to that of the demonstrations, which stays as it is", async () => {
    const [free, held] = [await driftOf(0), await driftOf(10)]
    expect(free.kl).toBeGreaterThan(0.001)
    expect(held.kl).toBeLessThan(free.kl / 2)
    expect(held.cloned.equals(free.cloned)).toBe(true)
  }, 60_000)
})
