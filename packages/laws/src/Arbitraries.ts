/**
 * One fast-check arbitrary for every word of the domain.
 * They make well-formed values: a trajectory's observations connect, and only its last transition may have a reward.
 */
import {
  Ending,
  History,
  type LanguageModel,
  type Policy,
  QualityFilter,
  type ReplayBuffer,
  Task,
  type Trajectory
} from "@dreamgym/domain"
import * as fc from "fast-check"

/**
 * Any code point but half of a pair, half of the time an ASCII one. fast-check's own unit `binary` lists all 1.1 million when it is
 * made, which takes a second in every process that does.
 */
export const character: fc.Arbitrary<string> = fc
  .oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0x10ffff - 0x800 }))
  .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800))

/** Short texts, Unicode included. */
export const text: fc.Arbitrary<string> = fc.string({ unit: "grapheme", maxLength: 12 })

/** Texts of a few common words, so that two of them may be alike or equal. */
export const words: fc.Arbitrary<string> = fc
  .array(fc.constantFrom("take", "open", "mug", "cabinet", "1", "2", "lamp", "go"), {
    minLength: 1,
    maxLength: 6
  })
  .map((chosen) => chosen.join(" "))

/** A finite number; never -0, which JSON does not know. */
export const finite: fc.Arbitrary<number> = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => value + 0)

export const integer: fc.Arbitrary<number> = fc.integer()
const count = fc.nat({ max: 1_000_000 })
const identifier = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)

/** Named numbers, with names like those of metrics. */
export const numbers: fc.Arbitrary<Readonly<Record<string, number>>> = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z_/]{0,8}$/),
  finite,
  { maxKeys: 3, noNullPrototype: true }
)

const json: fc.Arbitrary<unknown> = fc
  .json({ maxDepth: 2 })
  .map((written): unknown => JSON.parse(written))
  .filter((value) => !fc.stringify(value).includes("__proto__"))
  .map((value): unknown => JSON.parse(JSON.stringify(value, (_, part) => (part === 0 ? 0 : part))))

export const origin: fc.Arbitrary<Task.Origin> = fc.oneof(
  fc.constant(Task.original),
  fc.record({
    _tag: fc.constant("Generated" as const),
    parentId: identifier,
    generation: fc.integer({ min: 1, max: 9 })
  })
)

export const task: fc.Arbitrary<Task.Task> = fc.record({
  id: identifier,
  environment: identifier,
  instruction: text,
  seed: integer,
  payload: json,
  origin
})

export const limit: fc.Arbitrary<Ending.Limit> = fc.constantFrom(...Ending.Limit.literals)
export const fault: fc.Arbitrary<Ending.Fault> = fc.constantFrom(...Ending.Fault.literals)

export const terminated: fc.Arbitrary<Ending.Ending> = fc.boolean().map(Ending.terminated)
export const truncated: fc.Arbitrary<Ending.Ending> = limit.map(Ending.truncated)
export const failed: fc.Arbitrary<Ending.Ending> = fc
  .tuple(fault, text)
  .map(([who, message]) => Ending.failed(who, message))
export const ending: fc.Arbitrary<Ending.Ending> = fc.oneof(terminated, truncated, failed)

const tokens = fc.array(fc.nat({ max: 999 }), { maxLength: 6 })

export const tokenSpan: fc.Arbitrary<Trajectory.TokenSpan> = fc
  .array(fc.tuple(fc.nat({ max: 999 }), fc.double({ min: -20, max: -1e-9 }), tokens), {
    minLength: 1,
    maxLength: 4
  })
  .chain((sampled) =>
    fc.record(
      {
        promptIds: tokens,
        ids: fc.constant(sampled.map(([id]) => id)),
        logProbabilities: fc.constant(sampled.map(([, logProbability]) => logProbability)),
        choices: fc.constant(sampled.map(([id, , others]) => [id, ...others])),
        features: tokens,
        value: finite,
        temperature: fc.double({ min: 0, max: 2, noNaN: true }).map((value) => value + 0),
        policyVersion: fc.nat({ max: 99 }),
        context: fc.oneof(
          fc.constant({ _tag: "Fresh" as const }),
          fc.record({ _tag: fc.constant("Extends" as const), tokens: fc.nat({ max: 99 }) })
        )
      },
      {
        requiredKeys: [
          "promptIds",
          "ids",
          "logProbabilities",
          "value",
          "temperature",
          "policyVersion",
          "context"
        ]
      }
    )
  )

export const action: fc.Arbitrary<Trajectory.Action> = fc.record(
  {
    text: words,
    toolCall: fc.record({ name: identifier, arguments: json }),
    span: tokenSpan
  },
  { requiredKeys: ["text"] }
)

export const real: fc.Arbitrary<Trajectory.Provenance> = fc.record({
  _tag: fc.constant("Real" as const),
  environment: identifier,
  version: identifier
})

const positive = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0)

/** With and without the hash of the prompt, the number of tokens and the latency. */
export const synthetic: fc.Arbitrary<Trajectory.Provenance> = fc.record(
  {
    _tag: fc.constant("Synthetic" as const),
    model: identifier,
    modelVersion: fc.nat({ max: 99 }),
    retrieved: fc.array(identifier, { maxLength: 3 }),
    reasoning: text,
    scores: numbers,
    cost: positive,
    promptHash: fc.stringMatching(/^[0-9a-f]{64}$/),
    tokens: fc.record({ prompt: count, completion: count }),
    latency: positive
  },
  {
    requiredKeys: ["_tag", "model", "modelVersion", "retrieved", "reasoning", "scores", "cost"]
  }
)

export const provenance: fc.Arbitrary<Trajectory.Provenance> = fc.oneof(real, synthetic)

export const transition: fc.Arbitrary<Trajectory.Transition> = fc.record({
  observation: words,
  action,
  reward: finite,
  nextObservation: words,
  provenance
})

export const rejection: fc.Arbitrary<QualityFilter.Rejection> = fc.constantFrom(
  ...QualityFilter.Rejection.literals
)

export const accepted: fc.Arbitrary<QualityFilter.Verdict> = fc.record({
  _tag: fc.constant("Accepted" as const),
  scores: numbers
})

export const rejected: fc.Arbitrary<QualityFilter.Verdict> = fc.record({
  _tag: fc.constant("Rejected" as const),
  reason: rejection,
  message: text,
  scores: numbers
})

export const verdict: fc.Arbitrary<QualityFilter.Verdict> = fc.oneof(accepted, rejected)

/** How a trajectory is to be: all of it from this provenance, ending so, with this verdict or none. */
export interface TrajectoryShape {
  readonly provenance?: fc.Arbitrary<Trajectory.Provenance>
  readonly ending?: fc.Arbitrary<Ending.Ending>
  readonly task?: fc.Arbitrary<Task.Task>
  readonly verdict?: fc.Arbitrary<QualityFilter.Verdict>
  /** Default 0. */
  readonly minTransitions?: number
}

/** Observations connect; reward 1 at the last transition of a success, else 0. */
export const trajectoryLike = (shape: TrajectoryShape): fc.Arbitrary<Trajectory.Trajectory> =>
  fc
    .tuple(
      fc.record({
        id: identifier,
        task: shape.task ?? task,
        firstObservation: words,
        ending: shape.ending ?? ending,
        policy: identifier,
        policyVersion: fc.integer({ min: -1, max: 99 })
      }),
      fc.array(fc.tuple(action, words, shape.provenance ?? provenance), {
        minLength: shape.minTransitions ?? 0,
        maxLength: 4
      }),
      fc.record({ iteration: count, verdict: shape.verdict ?? verdict }, { requiredKeys: [] })
    )
    .map(([start, turns, judged]) => ({
      ...start,
      transitions: connected(start, turns),
      ...judged
    }))

export const trajectory: fc.Arbitrary<Trajectory.Trajectory> = trajectoryLike({})

const connected = (
  start: Pick<Trajectory.Trajectory, "firstObservation" | "ending">,
  turns: ReadonlyArray<readonly [Trajectory.Action, string, Trajectory.Provenance]>
): ReadonlyArray<Trajectory.Transition> =>
  turns.map(([taken, nextObservation, by], i) => ({
    observation: turns[i - 1]?.[1] ?? start.firstObservation,
    action: taken,
    reward: i === turns.length - 1 && Ending.isSuccess(start.ending) ? 1 : 0,
    nextObservation,
    provenance: by
  }))

export const trajectoryGroup: fc.Arbitrary<Trajectory.TrajectoryGroup> = fc
  .record({
    task,
    policyVersion: fc.nat({ max: 99 }),
    trajectories: fc.array(trajectory, { maxLength: 3 })
  })
  .map(({ task: common, policyVersion, trajectories }) => ({
    task: common,
    policyVersion,
    trajectories: trajectories.map((one) => ({ ...one, task: common, policyVersion }))
  }))

export const history: fc.Arbitrary<History.History> = fc
  .tuple(words, fc.array(fc.record({ action: words, observation: words }), { maxLength: 6 }))
  .map(([first, turns]) => History.fromTurns(first, turns))

export const decision: fc.Arbitrary<Policy.Decision> = fc.record({
  task,
  history,
  key: fc.nat({ max: 0xffffffff })
})

export const demonstration: fc.Arbitrary<ReplayBuffer.Demonstration> = fc.record({
  id: identifier,
  task,
  transition,
  similarity: fc.double({ min: -1, max: 1, noNaN: true }).map((value) => value + 0)
})

export const strategy: fc.Arbitrary<ReplayBuffer.Strategy> = fc.oneof(
  fc.constant({ _tag: "Uniform" as const }),
  fc.record({
    _tag: fc.constant("Proportional" as const),
    alpha: positive,
    epsilon: fc.double({ min: 1e-6, max: 1, noNaN: true })
  }),
  fc.record({ _tag: fc.constant("RankBased" as const), alpha: positive }),
  fc.record({
    _tag: fc.constant("Recency" as const),
    halfLife: fc.double({ min: 0.5, max: 50, noNaN: true })
  })
)

/** Without a contradiction: ranks come with no balance. The names of the environments are the caller's. */
export const sampleRequestOf = (
  environments: ReadonlyArray<string>
): fc.Arbitrary<ReplayBuffer.SampleRequest> =>
  fc
    .record(
      {
        count: fc.integer({ min: 1, max: 12 }),
        key: count,
        realFraction: positive,
        successFraction: positive,
        environments: fc.dictionary(fc.constantFrom("nowhere", ...environments), positive, {
          minKeys: 1,
          maxKeys: 3,
          noNullPrototype: true
        }),
        strategy,
        replacement: fc.boolean(),
        beta: positive
      },
      { requiredKeys: ["count", "key"] }
    )
    .map((request) => (request.strategy?._tag === "RankBased" ? unbalanced(request) : request))

export const sampleRequest: fc.Arbitrary<ReplayBuffer.SampleRequest> = sampleRequestOf([])

const unbalanced = ({
  realFraction: _realFraction,
  successFraction: _successFraction,
  environments: _environments,
  ...rest
}: ReplayBuffer.SampleRequest): ReplayBuffer.SampleRequest => rest

export const completion: fc.Arbitrary<LanguageModel.Completion> = fc
  .tuple(tokenSpan, words, fc.constantFrom("Stop", "Length"))
  .map(([{ ids, logProbabilities, promptIds, value }, written, finish]) => ({
    text: written,
    finish,
    promptIds,
    ids,
    logProbabilities,
    value
  }))
