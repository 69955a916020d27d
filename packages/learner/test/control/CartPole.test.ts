import { Seed } from "@dreamgym/domain"
import { assert, describe, it } from "vitest"
import { cartPole, type Cart } from "../../control/CartPole.ts"

const cartOf = ([
  position = 0,
  velocity = 0,
  angle = 0,
  angularVelocity = 0
]: ReadonlyArray<number>): Cart => ({
  position,
  velocity,
  angle,
  angularVelocity
})

const never = () => 0.5

/** Printed in Gymnasium's own documentation (`VectorEnv.reset` and `.step`, seed 42), to eight digits. */
const published = [
  {
    before: [0.0273956, -0.00611216, 0.03585979, 0.0197368],
    action: 1,
    after: [0.02727336, 0.18847767, 0.03625453, -0.26141977]
  },
  {
    before: [0.0273956, -0.00611216, 0.03585979, 0.0197368],
    action: 0,
    after: [0.02727336, -0.20172954, 0.03625453, 0.32351476]
  },
  {
    before: [0.01522993, -0.04562247, -0.04799704, 0.03392126],
    action: 0,
    after: [0.01431748, -0.24002443, -0.04731862, 0.3110827]
  },
  {
    before: [-0.03774345, -0.02418869, -0.00942293, 0.0469184],
    action: 1,
    after: [-0.03822722, 0.1710671, -0.00848456, -0.2487226]
  }
]

describe("CartPole", () => {
  it.each(published)("moves as Gymnasium's: $after", ({ action, after, before }) => {
    const { isOver, reward, state } = cartPole.step(cartOf(before), action, never)
    for (const [i, x] of cartPole.observe(state).entries()) assert.closeTo(x, after[i] ?? 9, 2e-7)
    assert.deepStrictEqual([isOver, reward], [false, 1])
  })

  it.each([
    ["the cart beyond 2.4 metres", [2.39, 1, 0, 0], true],
    ["the cart within", [2.37, 1, 0, 0], false],
    ["the cart beyond on the left", [-2.39, -1, 0, 0], true],
    ["the pole beyond 12 degrees", [0, 0, 0.2, 0.6], true],
    ["the pole at 11.9 degrees", [0, 0, 0.2, 0.35], false],
    ["the pole beyond on the other side", [0, 0, -0.2, -0.6], true]
  ] as const)("%s: %j", (_, before, isOver) => {
    assert.deepInclude(cartPole.step(cartOf(before), 0, never), { isOver, reward: 1 })
  })

  it("begins within 0.05 of rest", () => {
    const random = Seed.generator(1)
    const starts = Array.from({ length: 1000 }, () =>
      cartPole.observe(cartPole.start(random))
    ).flat()
    assert.isTrue(starts.every((x) => Math.abs(x) <= 0.05))
    assert.isAbove(Math.max(...starts) - Math.min(...starts), 0.099)
  })
})
