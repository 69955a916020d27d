import { Ending, type Trajectory } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import { Decisions, Groups } from "../src/index.ts"
import { taskOf } from "./corridor.ts"

const span = (policyVersion: number): Trajectory.TokenSpan => ({
  promptIds: [8],
  ids: [10, 11],
  logProbabilities: [-0.5, -0.25],
  value: 0.5,
  temperature: 1,
  policyVersion,
  context: { _tag: "Fresh" }
})

const real: Trajectory.Provenance = { _tag: "Real", environment: "corridor", version: "1" }
const dreamt: Trajectory.Provenance = {
  _tag: "Synthetic",
  model: "m",
  modelVersion: 0,
  retrieved: [],
  reasoning: "",
  scores: {},
  cost: 0
}

interface Lived {
  readonly reward?: number
  readonly version?: number
  readonly ending?: Ending.Ending
  readonly provenance?: Trajectory.Provenance
}

const lived = ({
  ending = Ending.terminated(true),
  provenance = real,
  reward = 0,
  version = 0
}: Lived): Trajectory.Trajectory => ({
  id: "one",
  task: taskOf(0),
  firstObservation: "here",
  transitions: [
    {
      observation: "here",
      action: { text: "go", span: span(version) },
      reward,
      nextObservation: "there",
      provenance
    }
  ],
  ending,
  policy: "corridor",
  policyVersion: version
})

const group = (...all: ReadonlyArray<Lived>): Trajectory.TrajectoryGroup => ({
  task: taskOf(0),
  policyVersion: 0,
  trajectories: all.map(lived)
})

describe("A group", () => {
  it("is dropped whole where one of its tokens is too old, and counted", () => {
    const [fresh, mixed] = [group({ version: 5 }, { version: 4 }), group({ version: 5 }, {})]
    const { counts, groups } = Groups.kept([fresh, mixed], 6, { maxStaleness: 2 })
    assert.deepStrictEqual(groups, [fresh])
    assert.strictEqual(counts["training/stale_groups"], 1)
    assert.strictEqual(Groups.stalenessOf(mixed, 6), 6)
    assert.strictEqual(Groups.kept([fresh, mixed], 6, {}).groups.length, 2)
  })

  it("loses what failed, and what a limit cut only where so asked", () => {
    const all = group(
      {},
      { ending: Ending.failed("Policy", "gone") },
      { ending: Ending.truncated("StepLimit") }
    )
    const size = (options: Groups.GroupOptions) => {
      const { counts, groups } = Groups.kept([all], 0, options)
      return [groups[0]?.trajectories.length, counts]
    }
    const counts = { "training/stale_groups": 0, "training/unusable_trajectories": 1 }
    assert.deepStrictEqual(size({}), [2, { ...counts, "training/truncated_dropped": 0 }])
    assert.deepStrictEqual(size({ truncated: "drop" }), [
      1,
      { ...counts, "training/truncated_dropped": 1 }
    ])
  })

  it("tells something where its episodes earned differently, real and dreamt each by themselves", () => {
    const told = group({ reward: 1 }, { reward: 0 })
    const flat = group({ reward: 1 }, { reward: 1 })
    const apart = group({ reward: 1 }, { reward: 0, provenance: dreamt })
    const alone = group({ reward: 1 })
    const failed = group({ reward: 1 }, { reward: 0, ending: Ending.failed("Policy", "gone") })
    assert.deepStrictEqual(Groups.informative([told, flat, apart, alone, failed]), {
      informative: [told],
      flat: [flat, apart, alone, failed]
    })
  })

  it("of real and dreamt episodes is compared within each kind", () => {
    const mixed = group(
      { reward: 1 },
      { reward: 0, provenance: dreamt },
      { reward: 0 },
      { reward: 8, provenance: dreamt }
    )
    const options = { advEstimator: "dr_grpo" as const, gamma: 1, gaeLambda: 1 }
    const { decisions } = Decisions.decisionsOf([mixed], options)
    assert.deepStrictEqual(
      decisions.map(({ advantage, source = "real" }) => [source, advantage]),
      [
        ["real", 0.5],
        ["real", -0.5],
        ["synthetic", -4],
        ["synthetic", 4]
      ]
    )
  })
})

describe("The penalty for length", () => {
  it.each([
    [80, 0],
    [90, 0],
    [95, 0.25],
    [100, 0.5],
    [300, 0.5]
  ])("of %d tokens is %f", (tokens, penalty) => {
    const limit = { maxTokens: 100, bufferTokens: 10, penalty: 0.5 }
    assert.closeTo(Groups.overlongPenalty(tokens, limit), penalty, 1e-12)
  })

  it("is taken from the last reward", () => {
    const overlong = { maxTokens: 2, bufferTokens: 2, penalty: 3 }
    const options = { advEstimator: "gae" as const, gamma: 1, gaeLambda: 1, overlong }
    const { decisions } = Decisions.decisionsOf([group({ reward: 1 })], options)
    assert.strictEqual(decisions[0]?.totalReturn, -2)
  })
})
