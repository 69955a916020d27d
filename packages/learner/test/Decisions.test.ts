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
