import { Ending, Learner, Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { LearnerLaws } from "../src/index.ts"
import { provenLaws } from "./mutations.ts"

const size = 8

/** What a broken learner does otherwise. */
interface Flaws {
  readonly noise?: () => number
  readonly forgetsMoments?: boolean
  readonly keepsVersion?: boolean
  readonly takesNothing?: boolean
  readonly learnsFromFaults?: boolean
  readonly decay?: number
}

const noTokens = new Learner.LearnerError({
  reason: "NoTokens",
  message: "the groups hold no token to learn from"
})

const bytesOf = (values: Float64Array) => new Uint8Array(values.buffer.slice(0))
const numbersOf = (bytes: Uint8Array | undefined) =>
  new Float64Array((bytes ?? new Uint8Array(size * 8)).slice().buffer)

const returnOf = ({ transitions }: Trajectory.Trajectory) =>
  transitions.reduce((sum, { reward }) => sum + reward, 0)

/** Adds to the log-odds of each token what its trajectory got above the group's mean; with momentum. */
const learnerOf = (flaws: Flaws) => {
  let parameters = new Float64Array(size)
  let moments = new Float64Array(size)
  let version = 0
  const learnGroup = ({ trajectories }: Trajectory.TrajectoryGroup): number => {
    const taught = trajectories.filter(
      ({ ending }) => flaws.learnsFromFaults || ending._tag !== "Failed"
    )
    const mean = taught.reduce((sum, one) => sum + returnOf(one), 0) / taught.length
    const gradient = new Float64Array(size)
    for (const one of taught) {
      for (const id of one.transitions.flatMap(({ action }) => action.span?.ids ?? [])) {
        gradient[id] = (gradient[id] ?? 0) + returnOf(one) - mean
      }
    }
    moments = moments.map((m, i) => 0.9 * m + (gradient[i] ?? 0))
    parameters = parameters.map((p, i) => p * (1 - (flaws.decay ?? 0)) + 0.1 * (moments[i] ?? 0))
    return taught.length
  }
  return Learner.Learner.of({
    update: (groups) =>
      Effect.suspend(() => {
        const isEmpty = groups.every(({ trajectories }) => trajectories.length === 0)
        if (isEmpty && !flaws.takesNothing) return Effect.fail(noTokens)
        const trajectories = groups.reduce((sum, group) => sum + learnGroup(group), 0)
        parameters[0] = (parameters[0] ?? 0) + (flaws.noise?.() ?? 0)
        if (!flaws.keepsVersion) version++
        return Effect.succeed({
          policyVersion: version,
          trajectories,
          decisions: trajectories,
          metrics: { "losses/policy_loss": parameters[1] ?? 0 }
        })
      }),
    state: Effect.sync(() => ({
      parameters: bytesOf(parameters),
      version: Uint8Array.of(version),
      ...(flaws.forgetsMoments ? {} : { moments: bytesOf(moments) })
    })),
    restore: (state) =>
      Effect.sync(() => {
        parameters = numbersOf(state["parameters"])
        moments = numbersOf(state["moments"])
        version = state["version"]?.[0] ?? 0
      })
  })
}

const trajectoryOf = (token: number, reward: number): Trajectory.Trajectory => ({
  id: `t${token}`,
  task,
  firstObservation: "",
  transitions: [
    {
      observation: "",
      action: {
        text: `${token}`,
        span: {
          promptIds: [],
          ids: [token],
          logProbabilities: [-1],
          value: 0,
          temperature: 1,
          policyVersion: 0,
          context: { _tag: "Fresh" }
        }
      },
      reward,
      nextObservation: "",
      provenance: { _tag: "Real", environment: "toy", version: "1" }
    }
  ],
  ending: Ending.terminated(reward === 1),
  policy: "toy",
  policyVersion: 0
})

const task: Task.Task = {
  id: "choose",
  environment: "toy",
  instruction: "choose",
  seed: 0,
  payload: null,
  origin: Task.original
}

const groupOf = (...rewards: ReadonlyArray<number>): Trajectory.TrajectoryGroup => ({
  task,
  policyVersion: 0,
  trajectories: rewards.map((reward, i) => trajectoryOf(i + 1, reward))
})

const suite = (flaws: Flaws = {}) =>
  LearnerLaws.learnerLaws({
    name: "a toy learner",
    learner: Effect.sync(() => learnerOf(flaws)),
    groups: [groupOf(1, 0, 0), groupOf(0, 1, 1)],
    zeroAdvantage: {
      groups: [groupOf(1, 1, 1)],
      distance: (before, after) => {
        const [a, b] = [before, after].map((state) => numbersOf(state["parameters"]))
        return Math.max(...(a ?? []).map((value, i) => Math.abs(value - (b?.[i] ?? 0))))
      },
      tolerance: 1e-9
    }
  })

let noise = 0

provenLaws(suite(), {
  "the same state and groups give the same update": {
    broken: suite({ noise: () => noise++ }),
    because: /the state after the second update differs in: parameters/
  },
  "an update after restore is bit for bit the one without": {
    broken: suite({ forgetsMoments: true }),
    because: /the statistics: expected .*losses\/policy_loss/
  },
  "every update makes a new version and changes the parameters": {
    broken: suite({ keepsVersion: true }),
    because: /the version: expected 1, found 0/
  },
  "groups without trajectories are an error of their own and change nothing": {
    broken: suite({ takesNothing: true }),
    because: /an update: expected LearnerError NoTokens, it answered/
  },
  "what failed teaches nothing": {
    broken: suite({ learnsFromFaults: true }),
    because:
      /the state differs in: parameters, moments|the state differs in: moments|the state differs in: parameters/
  },
  "groups without advantage leave the policy where it is": {
    broken: suite({ noise: () => 0.5 }),
    because: /it moved by 0.5, more than 1e-9/
  }
})
