import { Ending, type Trajectory } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import { Decisions, Groups } from "../src/index.ts"
import { taskOf } from "./corridor.ts"

const span = (overrides: Partial<Trajectory.TokenSpan> = {}): Trajectory.TokenSpan => ({
  promptIds: [8, 9],
  ids: [10, 11, 12],
  logProbabilities: [-0.5, -0.25, 0],
  choices: [[10, 13], [11, 14], [12]],
  value: 0.5,
  temperature: 1,
  policyVersion: 0,
  context: { _tag: "Fresh" },
  ...overrides
})

const transition = (reward: number, of: Trajectory.TokenSpan = span()): Trajectory.Transition => ({
  observation: "here",
  action: { text: "go", span: of },
  reward,
  nextObservation: "there",
  provenance: { _tag: "Real", environment: "corridor", version: "1" }
})

const trajectory = (
  transitions: ReadonlyArray<Trajectory.Transition>,
  ending: Ending.Ending = Ending.terminated(true)
): Trajectory.Trajectory => ({
  id: "one",
  task: taskOf(0),
  firstObservation: "here",
  transitions,
  ending,
  policy: "corridor",
  policyVersion: 0
})

const group = (
  ...trajectories: ReadonlyArray<Trajectory.Trajectory>
): Trajectory.TrajectoryGroup => ({ task: taskOf(0), policyVersion: 0, trajectories })

const plain = { gamma: 1, gaeLambda: 1 }

type All = ReadonlyArray<Trajectory.TrajectoryGroup>

const forPpo = (groups: All, options: Partial<Decisions.DecisionOptions> = {}) =>
  Decisions.decisionsOf(usable(groups), { advEstimator: "gae", ...plain, ...options }).decisions

const forGrpo = (groups: All) =>
  Decisions.decisionsOf(usable(groups), { advEstimator: "grpo", ...plain })

const usable = (groups: All): All => Groups.kept(groups, 0, {}).groups

describe("A decision", () => {
  it("is its tokens up to the last real choice; what was forced has no part in it", () => {
    const [one] = forPpo([group(trajectory([transition(1)]))])
    assert.deepStrictEqual(one, {
      row: {
        promptIds: [8, 9],
        targetIds: [10, 11],
        weights: [1, 1],
        features: [],
        choices: [
          [10, 13],
          [11, 14]
        ]
      },
      oldLogProbabilities: [-0.5, -0.25],
      oldValue: 0.5,
      advantage: 0.5,
      totalReturn: 1,
      temperature: 1
    })
  })

  it("without any choice keeps one token, so that the critic still learns", () => {
    const forced = span({ choices: [[10], [11], [12]], logProbabilities: [0, 0, 0] })
    const [one] = forPpo([group(trajectory([transition(1, forced)]))])
    assert.deepStrictEqual(one?.row.targetIds, [10])
    assert.deepStrictEqual(one?.oldLogProbabilities, [0])
  })

  it("of free decoding is all of its tokens; a greedy one is scored at temperature 1", () => {
    const { choices, ...free } = span({ temperature: 0 })
    assert.isDefined(choices)
    const [one] = forPpo([group(trajectory([transition(1, free)]))])
    assert.deepStrictEqual(one?.row.targetIds, [10, 11, 12])
    assert.isUndefined(one?.row.choices)
    assert.strictEqual(one?.temperature, 1)
  })
})

describe("Decisions", () => {
  const values = [0.1, 0.2, 0.3].map((value) => transition(0, span({ value })))

  it.each([
    ["that ended", Ending.terminated(false), {}, 0],
    ["at a step limit of the task", Ending.truncated("StepLimit"), {}, 0],
    ["at a step limit of ours", Ending.truncated("StepLimit"), { bootstrapAtStepLimit: true }, 0.3],
    ["that was cut", Ending.truncated("Budget"), {}, 0.3]
  ] as const)("of an episode %s look forward to what is left", (_, ending, limit, worth) => {
    const own = { gamma: 0.5, gaeLambda: 0, ...limit }
    const decisions = forPpo([group(trajectory(values, ending))], own)
    assert.closeTo(decisions.at(-1)?.advantage ?? 1, 0.5 * worth - 0.3, 1e-12)
    assert.closeTo(decisions[0]?.advantage ?? 1, 0.5 * 0.2 - 0.1, 1e-12)
  })

  it("come from no trajectory that failed, is empty, or was made without tokens", () => {
    const useless = group(
      trajectory([transition(1)], Ending.failed("Environment", "gone")),
      trajectory([]),
      trajectory([transition(1), withoutSpan(transition(1))])
    )
    assert.deepStrictEqual(forPpo([useless]), [])
    assert.deepStrictEqual(forGrpo([useless]), { decisions: [], zeroVarianceGroups: 0 })
  })

  it("of a group share its advantage; a failed one is no part of the group's mean", () => {
    const failed = trajectory([transition(100)], Ending.failed("Policy", "gone"))
    const won = trajectory([transition(0), transition(1)])
    const lost = trajectory([transition(0)])
    const { decisions, zeroVarianceGroups } = forGrpo([
      group(won, failed, lost),
      group(won, won, failed)
    ])
    const advantages = decisions.map(({ advantage }) => Math.round(advantage * 1e4) / 1e4)
    assert.deepStrictEqual(advantages, [1, 1, -1])
    assert.strictEqual(zeroVarianceGroups, 1)
  })
})

const withoutSpan = (one: Trajectory.Transition): Trajectory.Transition => ({
  ...one,
  action: { text: one.action.text }
})

describe("KL in the reward", () => {
  it("is charged token by token; what the action earned is at its last choice", () => {
    const episode = group(trajectory([transition(0), transition(1)]))
    const own = { klInRewardCoef: 0.1, gamma: 0.5, gaeLambda: 1 }
    const reference = [
      [-1.5, -0.25],
      [-0.5, -2.25]
    ]
    const read = {
      reference,
      values: [
        [0.5, 0.4],
        [0.3, 0.2]
      ]
    }
    const { decisions: steps } = Decisions.decisionsOf(
      [episode],
      { advEstimator: "reinforce_plus_plus", ...own },
      read
    )
    assertClose(
      steps.map(({ advantage }) => advantage),
      [-0.1 + 0.5 * (1 - 0.2), 1 - 0.2]
    )
    const { decisions: tokens } = Decisions.decisionsOf(
      [episode],
      { advEstimator: "gae", advantageLevel: "token", ...own },
      read
    )
    // From each token on, a half for each token that lies between: the forced ones are no step.
    assertClose(
      tokens.flatMap((one) => one.tokens?.returns ?? []),
      [-0.1 + 0.125 * 0.8, 0.25 * 0.8, 0.5 * 0.8, 0.8]
    )
    assertClose(
      tokens.flatMap((one) => one.tokens?.advantages ?? []),
      [-0.1 + 0.125 * 0.8 - 0.5, 0.25 * 0.8 - 0.4, 0.5 * 0.8 - 0.3, 0.8 - 0.2]
    )
    assert.deepStrictEqual(
      tokens.map((one) => [one.tokens?.oldValues, one.referenceLogProbabilities]),
      [
        [[0.5, 0.4], reference[0]],
        [[0.3, 0.2], reference[1]]
      ]
    )
  })

  it("does not make a group of equal returns worth learning from", () => {
    const alike = group(trajectory([transition(1)]), trajectory([transition(1)]))
    const reads = {
      reference: [
        [-9, -9],
        [0, 0]
      ]
    }
    const own = { advEstimator: "grpo" as const, klInRewardCoef: 1, ...plain }
    assert.deepStrictEqual(Decisions.decisionsOf([alike], own, reads), {
      decisions: [],
      zeroVarianceGroups: 1
    })
  })
})

const assertClose = (found: ReadonlyArray<number>, wanted: ReadonlyArray<number>) => {
  assert.strictEqual(found.length, wanted.length)
  for (const [i, value] of found.entries()) assert.closeTo(value, wanted[i] ?? Number.NaN, 1e-12)
}

describe("The tokens of an episode that was cut", () => {
  it("look forward to the value of its last choice, not of what was forced", () => {
    const cut = group(trajectory([transition(0)], Ending.truncated("Budget")))
    const own = { advEstimator: "gae" as const, advantageLevel: "token" as const, gamma: 0.5 }
    const { decisions } = Decisions.decisionsOf(
      [cut],
      { ...own, gaeLambda: 0 },
      { values: [[0.5, 0.4]] }
    )
    assertClose(decisions[0]?.tokens?.advantages ?? [], [0.2 - 0.5, 0.2 - 0.4])
  })
})
