/** Tests of what the rollouts of an iteration tell: of policies whose information about their input is known. */
import { Ending, Seed, type Trajectory } from "@dreamgym/domain"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { information, signals } from "../src/Signals.ts"

/** Actions of a policy that sees one of `inputs` and draws one of `texts` as `chances(input)` says. */
const drawn = (
  count: number,
  inputs: number,
  chances: (input: number) => ReadonlyArray<number>,
  seed = 1
) => {
  const random = Seed.generator(seed)
  return Array.from({ length: count }, () => {
    const given = chances(Math.floor(random() * inputs))
    let left = random()
    const at = given.findIndex((chance) => (left -= chance) < 0)
    return { text: `a${at}`, tokens: 1, logProbability: Math.log(given[at] ?? 1) }
  })
}

describe("the mutual information of action and input", () => {
  it("is the entropy of the actions where the input decides them", () => {
    const decided = (input: number) => [0, 1, 2, 3].map((i) => (i === input ? 1 : 0))
    const found = information(drawn(4000, 4, decided))
    expect(found["rollout/mutual_information"]).toBeCloseTo(Math.log(4), 2)
  })

  it("is nothing where the policy does the same whatever it is shown, however it varies", () => {
    for (const size of [1, 3, 10]) {
      const template = Array.from({ length: size }, () => 1 / size)
      const found = information(drawn(4000, 7, () => template))
      expect(found["rollout/action_entropy"]).toBeCloseTo(Math.log(size), 2)
      expect(found["rollout/mutual_information"]).toBeCloseTo(0, 2)
    }
  })

  it("is what the joint distribution says, in between", () => {
    const chances = (input: number) => (input === 0 ? [0.9, 0.1] : [0.2, 0.8])
    const entropy = (shares: ReadonlyArray<number>) =>
      shares.reduce((sum, share) => sum - share * Math.log(share), 0)
    const expected = entropy([0.55, 0.45]) - (entropy([0.9, 0.1]) + entropy([0.2, 0.8])) / 2
    const found = information(drawn(20_000, 2, chances))
    expect(found["rollout/mutual_information"]).toBeCloseTo(expected, 1.7)
  })

  it("does not depend on the order, and is absent of no action", () => {
    const actions = drawn(50, 3, () => [0.5, 0.5])
    const shuffled = Seed.shuffle(Seed.generator(3), actions)
    const [a, b] = [information(actions), information(shuffled)].map(
      (one) => one["rollout/mutual_information"] ?? 0
    )
    expect(a).toBeCloseTo(b ?? Number.NaN, 10)
    expect(information([])).toEqual({})
  })
})

const task = {
  id: "t",
  environment: "somewhere",
  instruction: "go",
  seed: 0,
  origin: { _tag: "Original" },
  payload: {}
} as const

const trajectory = (reward: number, value: number, tokens: number): Trajectory.Trajectory => ({
  id: "one",
  task,
  firstObservation: "",
  transitions: [
    {
      observation: "",
      nextObservation: "",
      reward,
      provenance: { _tag: "Real", environment: "somewhere", version: "1" },
      action: {
        text: "go",
        span: {
          promptIds: [1],
          ids: Array.from({ length: tokens }, () => 2),
          logProbabilities: Array.from({ length: tokens }, () => 0),
          value,
          temperature: 1,
          policyVersion: 0,
          context: { _tag: "Fresh" }
        }
      }
    }
  ],
  ending: reward > 0 ? Ending.terminated(true) : Ending.truncated("StepLimit"),
  policy: "p",
  policyVersion: 0
})

const part = (
  source: "dream" | "real",
  rewards: ReadonlyArray<ReadonlyArray<number>>,
  value: number
) => {
  const groups = rewards.map((group) => ({
    task,
    policyVersion: 0,
    trajectories: group.map((reward) => trajectory(reward, value, 3))
  }))
  return { source, groups, credible: groups }
}

describe("the signals of an iteration", () => {
  it("count groups of equal returns among those that can be compared", () => {
    const found = signals([part("dream", [[1, 1], [0, 0], [1, 0], [1]], 0)])
    expect(found).toEqual({
      "rollout/response_length": 3,
      "rollout/action_entropy": 0,
      "rollout/mutual_information": 0,
      "rollout/zero_variance_share": 2 / 3
    })
  })

  it("compare dreams with reality where an iteration has both", () => {
    const found = signals([part("dream", [[1, 1]], 0.9), part("real", [[1, 0]], 0.3)])
    expect(found["rollout/return_gap"]).toBe(0.5)
    expect(found["rollout/value_gap"]).toBeCloseTo(0.6, 12)
  })

  it("are numbers whatever the returns, and absent where there is nothing", () => {
    const rewards = fc.array(fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 4 }))
    fc.assert(
      fc.property(rewards, rewards, (dream, real) => {
        const found = signals([part("dream", dream, 0), part("real", real, 1)])
        expect(Object.values(found).every(Number.isFinite)).toBe(true)
      })
    )
    expect(signals([])).toEqual({})
  })
})
