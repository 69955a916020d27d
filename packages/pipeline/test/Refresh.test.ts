/** Tests of the experience model that learns on: from what was really lived, and from nothing else. */
import { Policy, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Evaluate from "../src/Evaluate.ts"
import * as Refresh from "../src/Refresh.ts"
import { RunLog } from "../src/RunLog.ts"
import * as Vocabulary from "../src/Vocabulary.ts"
import { creature, dreamingOf, run, saying } from "./dreaming.ts"

type Trajectories = ReadonlyArray<Trajectory.Trajectory>

const settings = [
  "train.realShareEnd=0.5",
  "experience.refreshEvery=1",
  "experience.refreshUpdates=3"
]

/** The parameters after a refresh, and its events; `added` chooses what the buffer holds of four episodes, lived at iteration 0. */
const refreshed = (added: (lived: Trajectories) => Trajectories, iteration = 1) =>
  run(
    Effect.gen(function* () {
      const dreaming = yield* dreamingOf(saying(""), settings)
      const { buffer, fitted, offline, world } = dreaming
      const player = yield* Effect.provide(Policy.Policy, creature(world))
      const played = yield* Evaluate.play(player, world, world.practice(4, 0), 5)
      yield* buffer.add(added(played.map((trajectory) => ({ ...trajectory, iteration: 0 }))))
      const tokenizer = Vocabulary.tokenizerOf(world.knowledge, offline.train)
      yield* Refresh.refresh(dreaming, tokenizer, iteration)
      const log = yield* RunLog
      const events = (yield* log.events).filter(({ _tag }) => _tag === "RefreshedExperienceModel")
      return { events, parameters: Buffer.from(fitted.trainable.parameters.memory.slice(0)) }
    }).pipe(Effect.scoped)
  )

const asDreams = (trajectories: Trajectories): Trajectories =>
  trajectories.map((trajectory) => ({
    ...trajectory,
    id: `dream of ${trajectory.id}`,
    transitions: trajectory.transitions.map((transition) => ({
      ...transition,
      provenance: {
        _tag: "Synthetic",
        model: "m",
        modelVersion: 0,
        retrieved: [],
        reasoning: "",
        scores: {},
        cost: 0
      }
    }))
  }))

describe("an experience model", () => {
  it("learns from what was lived, and from nothing that was dreamt", async () => {
    const untouched = await refreshed(() => [])
    const first = await refreshed((lived) => lived.slice(0, 2))
    const other = await refreshed((lived) => lived.slice(2))
    const dreams = await refreshed(asDreams)
    const both = await refreshed((lived) => [...lived.slice(0, 2), ...asDreams(lived)])
    expect(untouched.events).toEqual([])
    expect(dreams.events).toEqual([])
    expect(dreams.parameters.equals(untouched.parameters)).toBe(true)
    expect(first.events).toMatchObject([{ iteration: 1, trajectories: 2, updates: 3 }])
    expect(first.parameters.equals(untouched.parameters)).toBe(false)
    expect(first.parameters.equals(other.parameters)).toBe(false)
    expect(both.events).toEqual(first.events)
    expect(both.parameters.equals(first.parameters)).toBe(true)
  })

  it("does not learn again where nothing was lived since, nor after the last dream", async () => {
    const all = (lived: Trajectories) => lived
    const config = await refreshed(all, 2)
    expect(config.events).toEqual([])
  })
})
