import {
  Ending,
  Evaluation,
  History,
  QualityFilter,
  RunEvent,
  Task,
  Trajectory
} from "@dreamgym/domain"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Arbitraries, NastyArbitraries, RunArbitraries } from "../src/index.ts"

const parameters = { seed: 1, numRuns: 100 }

/** Written as JSON text and read again, a value is the same; and its schema knows it as its own. */
const survivesJson =
  <T>(schema: Schema.Codec<T, unknown>, arbitrary: fc.Arbitrary<T>) =>
  () => {
    const json = Schema.fromJsonString(Schema.toCodecJson(schema))
    const [encode, decode] = [Schema.encodeSync(json), Schema.decodeUnknownSync(json)]
    const isOne = Schema.is(schema)
    fc.assert(
      fc.property(arbitrary, (value) => {
        assert.isTrue(isOne(value))
        assert.deepStrictEqual(decode(encode(value)), value)
      }),
      parameters
    )
  }

describe("every word survives JSON:", () => {
  it("origin", survivesJson(Task.Origin, Arbitraries.origin))
  it("task", survivesJson(Task.Task, Arbitraries.task))
  it("limit", survivesJson(Ending.Limit, Arbitraries.limit))
  it("fault", survivesJson(Ending.Fault, Arbitraries.fault))
  it("ending", survivesJson(Ending.Ending, Arbitraries.ending))
  it("token span", survivesJson(Trajectory.TokenSpan, Arbitraries.tokenSpan))
  it("action", survivesJson(Trajectory.Action, Arbitraries.action))
  it("provenance", survivesJson(Trajectory.Provenance, Arbitraries.provenance))
  it("transition", survivesJson(Trajectory.Transition, Arbitraries.transition))
  it("trajectory", survivesJson(Trajectory.Trajectory, Arbitraries.trajectory))
  it("trajectory group", survivesJson(Trajectory.TrajectoryGroup, Arbitraries.trajectoryGroup))
  it("rejection", survivesJson(QualityFilter.Rejection, Arbitraries.rejection))
  it("verdict", survivesJson(QualityFilter.Verdict, Arbitraries.verdict))
  it("evaluation", survivesJson(Evaluation.Evaluation, RunArbitraries.evaluation))
  it("phase", survivesJson(RunEvent.Phase, RunArbitraries.phase))
  it("run event", survivesJson(RunEvent.RunEvent, RunArbitraries.runEvent))
})

/** Every value of a closed list turns up, so that no arbitrary leaves a part of its word out. */
const all = <T>(arbitrary: fc.Arbitrary<T>, key: (value: T) => string) =>
  [...new Set(fc.sample(arbitrary, { seed: 1, numRuns: 2000 }).map(key))].toSorted()

describe("no part of a word is left out:", () => {
  it("faults, limits, endings, rejections, phases and events", () => {
    const tag = ({ _tag }: { readonly _tag: string }) => _tag
    const text = (value: string) => value
    assert.deepStrictEqual(all(Arbitraries.fault, text), Ending.Fault.literals.toSorted())
    assert.deepStrictEqual(all(Arbitraries.limit, text), Ending.Limit.literals.toSorted())
    assert.deepStrictEqual(
      all(Arbitraries.ending, tag),
      Object.keys(Ending.Ending.cases).toSorted()
    )
    const rejections = QualityFilter.Rejection.literals.toSorted()
    assert.deepStrictEqual(all(Arbitraries.rejection, text), rejections)
    assert.deepStrictEqual(all(RunArbitraries.phase, text), RunEvent.Phase.literals.toSorted())
    const events = Object.keys(RunEvent.RunEvent.cases).toSorted()
    assert.deepStrictEqual(all(RunArbitraries.runEvent, tag), events)
  })

  it("spans with and without choices, tasks made and given, episodes without a step", () => {
    const has = (value: boolean) => `${value}`
    assert.deepStrictEqual(
      [
        all(Arbitraries.tokenSpan, (span) => has(span.choices !== undefined)),
        all(Arbitraries.action, (action) => has(action.toolCall !== undefined)),
        all(Arbitraries.trajectory, ({ transitions }) => has(transitions.length === 0)),
        all(Arbitraries.trajectory, (one) => has(Trajectory.isReal(one)))
      ],
      Array.from({ length: 4 }, () => ["false", "true"])
    )
    assert.deepStrictEqual(
      all(Arbitraries.origin, ({ _tag }) => _tag),
      ["Generated", "Original"]
    )
  })
})

describe("what is made is well-formed:", () => {
  it("a history is its turns", () => {
    fc.assert(
      fc.property(Arbitraries.history, (history) => {
        assert.deepStrictEqual(History.fromTurns(history.first, History.turns(history)), history)
        assert.strictEqual(History.turns(history).length, history.length)
      }),
      parameters
    )
  })

  it("a trajectory's observations connect, and only a success has a reward", () => {
    fc.assert(
      fc.property(Arbitraries.trajectory, (trajectory) => {
        const { ending, firstObservation, transitions } = trajectory
        const before = [firstObservation, ...transitions.map((one) => one.nextObservation)]
        assert.deepStrictEqual(
          transitions.map((one) => one.observation),
          before.slice(0, transitions.length)
        )
        const expected = Ending.isSuccess(ending) && transitions.length > 0 ? 1 : 0
        assert.strictEqual(Trajectory.totalReward(trajectory), expected)
      }),
      parameters
    )
  })

  it("a span has a log-probability for each token, which is among its choices", () => {
    fc.assert(
      fc.property(Arbitraries.tokenSpan, ({ choices, ids, logProbabilities }) => {
        assert.strictEqual(logProbabilities.length, ids.length)
        assert.isTrue(logProbabilities.every((p) => p <= 0))
        assert.isTrue(choices?.every((list, i) => list.includes(ids[i] ?? -1)) ?? true)
      }),
      parameters
    )
  })

  it("a group is of one task and one policy version", () => {
    fc.assert(
      fc.property(Arbitraries.trajectoryGroup, ({ policyVersion, task, trajectories }) => {
        for (const one of trajectories) {
          assert.deepStrictEqual([one.task, one.policyVersion], [task, policyVersion])
        }
      }),
      parameters
    )
  })

  it("an evaluation's rate lies in its interval", () => {
    fc.assert(
      fc.property(RunArbitraries.evaluation, ({ episodes, high, low, rate, successes }) => {
        assert.isTrue(low <= rate && rate <= high && successes <= episodes)
      }),
      parameters
    )
  })

  it("demonstrations, decisions, sample requests and completions keep their bounds", () => {
    const { completion, decision, demonstration, sampleRequest } = Arbitraries
    fc.assert(
      fc.property(
        completion,
        decision,
        demonstration,
        sampleRequest,
        (made, asked, shown, drawn) => {
          assert.strictEqual(made.ids.length, made.logProbabilities.length)
          assert.isTrue(asked.key >= 0 && asked.key <= 0xffffffff)
          assert.isTrue(Math.abs(shown.similarity) <= 1)
          const shares = [drawn.realFraction, drawn.successFraction, drawn.beta]
          assert.isTrue(drawn.count > 0)
          assert.isTrue(shares.every((share = 0) => share >= 0 && share <= 1))
          const isRanked = drawn.strategy?._tag === "RankBased"
          assert.isFalse(isRanked && drawn.realFraction !== undefined)
        }
      ),
      parameters
    )
  })
})

describe("what is nasty", () => {
  it("is still of the right shape", () => {
    const isOne = Schema.is(Trajectory.Trajectory)
    fc.assert(
      fc.property(NastyArbitraries.trajectory, (one) => isOne(one)),
      parameters
    )
  })

  it("holds every number and text that is easily lost", () => {
    const numbers = all(NastyArbitraries.number, (n) => (Object.is(n, -0) ? "-0" : `${n}`))
    for (const wanted of ["NaN", "Infinity", "-Infinity", "-0", "5e-324"]) {
      assert.include(numbers, wanted)
    }
    const texts = fc.sample(NastyArbitraries.text, { seed: 1, numRuns: 500 })
    assert.isTrue(texts.some((one) => one.includes("\u0000")))
    assert.isTrue(texts.some((one) => !one.isWellFormed()))
  })

  it("comes several at a time with ids of their own", () => {
    fc.assert(
      fc.property(NastyArbitraries.trajectories, (list) => {
        assert.strictEqual(new Set(list.map(({ id }) => id)).size, list.length)
        assert.strictEqual(new Set(list.map(({ task }) => task.id)).size, list.length)
      }),
      parameters
    )
  })
})
