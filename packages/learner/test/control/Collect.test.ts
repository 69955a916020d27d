import { assert, describe, it } from "vitest"
import * as Collect from "../../control/Collect.ts"
import type { ControlTask } from "../../control/ControlTask.ts"

/** Counts to three where action 1 is taken, and is over there; rewards are the number reached. Cut after four steps. */
const counting: ControlTask<number> = {
  name: "counting",
  observationSize: 1,
  actions: 2,
  stepLimit: 4,
  start: () => 0,
  step: (at, action) => ({ state: at + action, reward: at + action, isOver: at + action === 3 }),
  observe: (at) => [at]
}

const always =
  (action: number): Collect.Judge =>
  ([at = 0]) => ({
    logProbabilities: [0, 1].map((other) => (other === action ? 0 : Number.NEGATIVE_INFINITY)),
    value: 10 * at
  })

const options = { gamma: 0.5, gaeLambda: 1, steps: 5, bootstrapAtStepLimit: true }

/** With lambda 1 the critic's target is the discounted sum of rewards and the value after the last. */
const returnsOf = (judge: Collect.Judge, overrides: Partial<Collect.CollectOptions> = {}) => {
  const lanes = Collect.begin(counting, 1, 1)
  const { episodes, samples } = Collect.collect(lanes, judge, { ...options, ...overrides })
  return { episodes, returns: samples.map(({ totalReturn }) => totalReturn), lanes }
}

describe("Lanes of fixed length", () => {
  it("begin anew where an episode ended, and add the value of where they stand at last", () => {
    const { episodes, returns } = returnsOf(always(1))
    // 1, 2, 3, over; 1, 2 and then 20.
    assert.deepStrictEqual(returns, [
      1 + 0.5 * (2 + 0.5 * 3),
      2 + 0.5 * 3,
      3,
      1 + 0.5 * (2 + 0.5 * 20),
      2 + 0.5 * 20
    ])
    assert.deepStrictEqual(episodes, [{ step: 3, totalReward: 6, length: 3 }])
  })

  it("bootstrap where an episode was cut, and only where they shall", () => {
    const stay: Collect.Judge = () => ({
      logProbabilities: [0, Number.NEGATIVE_INFINITY],
      value: 8
    })
    assert.deepStrictEqual(returnsOf(stay).returns, [0.5, 1, 2, 4, 4])
    assert.deepStrictEqual(
      returnsOf(stay, { bootstrapAtStepLimit: false }).returns,
      [0, 0, 0, 0, 4]
    )
  })

  it("go on where they stood: two collections are one of twice the length", () => {
    const judge = always(1)
    const [twice, once] = [Collect.begin(counting, 2, 1), Collect.begin(counting, 2, 1)]
    const parts = [5, 5].map((steps) => Collect.collect(twice, judge, { ...options, steps }))
    const whole = Collect.collect(once, judge, { ...options, steps: 10 })
    assert.deepStrictEqual(
      parts.flatMap(({ episodes }) => episodes),
      whole.episodes
    )
    assert.deepStrictEqual(
      twice.lanes.map(({ state }) => state),
      once.lanes.map(({ state }) => state)
    )
    assert.strictEqual(twice.steps, 20)
  })

  it("draw actions as often as they are probable", () => {
    const judge: Collect.Judge = () => ({
      logProbabilities: [Math.log(0.3), Math.log(0.7)],
      value: 0
    })
    const lanes = Collect.begin(counting, 4, 9)
    const { samples } = Collect.collect(lanes, judge, { ...options, steps: 5000 })
    const share = samples.filter(({ action }) => action === 1).length / samples.length
    assert.closeTo(share, 0.7, 0.01)
    assert.isTrue(
      samples.every(
        ({ action, logProbability }) => logProbability === Math.log(action === 1 ? 0.7 : 0.3)
      )
    )
  })
})
