import { assert, describe, it } from "@effect/vitest"
import { Ending, Seed, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { DreamTask, Plausibility, Rule, SuccessVerifier } from "../../src/index.ts"
import {
  boxTask,
  firstObservation,
  knownWorlds,
  listing,
  real,
  synthetic,
  things,
  trajectoryOf
} from "../boxes.ts"
import { opinionOf } from "../dreams.ts"

/** Somebody who opens boxes until the goal is found, or gives up after three. */
const search = (id: number, provenance: Trajectory.Provenance): Trajectory.Trajectory => {
  const random = Seed.generator(Seed.key(id, "search"))
  const goal = things[Seed.below(random, things.length)] ?? "pen"
  const turns: Array<readonly [string, string, number]> = []
  for (let box = 1; box <= 3 && turns.at(-1)?.[2] !== 1; box++) {
    const thing = ["", ...things][Seed.below(random, 4)] ?? ""
    turns.push([
      `open box ${box}`,
      listing(`box ${box}`, thing === "" ? "" : `${thing} ${id}`),
      thing === goal ? 1 : 0
    ])
  }
  const task = boxTask(`task ${id}`, goal)
  const dream = DreamTask.dreamTask(task, firstObservation(3, goal))
  return trajectoryOf(`${id}`, provenance._tag === "Real" ? task : dream, turns, { provenance })
}

const searches = (from: number, count: number, provenance = real) =>
  Array.from({ length: count }, (_, i) => search(from + i, provenance))

const isWon = ({ transitions }: Trajectory.Trajectory) => (transitions.at(-1)?.reward ?? 0) > 0

const probability = (verifier: Plausibility.Verifier, trajectory: Trajectory.Trajectory) =>
  Effect.runSync(verifier(Rule.subjectOf(trajectory, knownWorlds)))

const lived = searches(0, 120)
const unseen = searches(1000, 60)

describe("a verifier learnt from what really happened", () => {
  const verifier = SuccessVerifier.learn(lived, { seed: 3 })

  it("tells the won from the lost among tasks that it never saw, dreamt or real", () => {
    assert.isAbove(unseen.filter(isWon).length, 15)
    assert.isAbove(unseen.filter((one) => !isWon(one)).length, 15)
    for (const trajectory of [...unseen, ...searches(1000, 60, synthetic)]) {
      assert.strictEqual(probability(verifier, trajectory) > 0.5, isWon(trajectory))
    }
  })

  it("looks at no reward", () => {
    const paid = (one: Trajectory.Trajectory) => ({
      ...one,
      transitions: one.transitions.map((transition) => ({ ...transition, reward: 1 }))
    })
    assert.deepStrictEqual(
      unseen.map((one) => probability(verifier, paid(one))),
      unseen.map((one) => probability(verifier, one))
    )
  })

  it.effect("rejects a dream that gives its reward away", () =>
    Effect.gen(function* () {
      const rule = Plausibility.rule({ verifier, minWon: 0.5 })
      const task = DreamTask.dreamTask(boxTask("d", "coin"), firstObservation(3, "coin"))
      const dream = (thing: string) =>
        trajectoryOf("d", task, [["open box 1", listing("box 1", thing), 1]], {
          provenance: synthetic
        })
      assert.isDefined((yield* opinionOf(rule, dream("pen 1"))).complaint)
      assert.isUndefined((yield* opinionOf(rule, dream("coin 1"))).complaint)
    })
  )

  it("is the same from the same seed, and learns nothing from dreams and faults", () => {
    const broken = lived.map((one) => ({ ...one, ending: Ending.failed("Environment", "fire") }))
    const muddled = [...lived, ...broken, ...searches(2000, 40, synthetic)]
    const again = SuccessVerifier.learn(lived, { seed: 3 })
    const cautious = SuccessVerifier.learn(
      muddled.filter((one) => one.transitions.length > 0),
      { seed: 3 }
    )
    for (const trajectory of unseen) {
      const expected = probability(verifier, trajectory)
      assert.strictEqual(probability(again, trajectory), expected)
      assert.strictEqual(probability(cautious, trajectory), expected)
    }
  })

  it("takes every step for as good as any where there is nothing to learn from", () => {
    const ignorant = SuccessVerifier.learn([], { seed: 3 })
    assert.deepStrictEqual(
      unseen.map((one) => probability(ignorant, one)),
      unseen.map(() => 0.5)
    )
    assert.strictEqual(probability(verifier, trajectoryOf("e", boxTask("e", "pen"), [])), 0)
  })
})
