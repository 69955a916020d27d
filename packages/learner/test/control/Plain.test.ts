import { Seed } from "@dreamgym/domain"
import { type Parameters, Session } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Mlp from "../../control/Mlp.ts"
import * as MlpPolicy from "../../control/MlpPolicy.ts"
import * as Practice from "../../control/Practice.ts"
import { PolicyGradient } from "../../src/index.ts"

const config: Mlp.MlpConfig = { observationSize: 2, actions: 3, hidden: 3 }
const count = 12
/** Less than the gradient is long. */
const maxGradNorm = 0.1

/** Disturbed, so that none is at a value where a mistake would not show. */
const fresh = () => {
  const trained = MlpPolicy.fresh(config, 7)
  const random = Seed.generator(8)
  for (const array of Object.values(trained.parameters.arrays))
    for (let i = 0; i < array.length; i++) array[i] = (array[i] ?? 0) + 0.6 * (random() - 0.5)
  return trained
}

/** What the policy said, and now believes otherwise: so that some ratios and values are outside their bounds. */
const decisionsOf = (parameters: Parameters.Parameters) => {
  const random = Seed.generator(9)
  return Array.from({ length: count }, () => {
    const observation = [random() - 0.5, random() - 0.5]
    const action = Seed.below(random, 3)
    const { logProbabilities, value } = Mlp.judge(parameters, observation)
    return {
      row: { observation, action },
      oldLogProbabilities: [(logProbabilities[action] ?? 0) + 0.8 * (random() - 0.5)],
      oldValue: value + random() - 0.5,
      advantage: 4 * (random() - 0.4),
      totalReturn: 3 * (random() - 0.5),
      temperature: 1
    }
  })
}

type Decisions = ReturnType<typeof decisionsOf>

/** The loss of PPO over flat parameters, one decision after the other, written from the paper. */
const lossOf = (flat: ReadonlyArray<number>, decisions: Decisions): number => {
  const { clipRatioLow, entropyCoef, valueClip, vfCoef } = Practice.cleanRl
  let at = 0
  const layer = (x: ReadonlyArray<number>, units: number) => {
    const matrix = flat.slice(at, (at += x.length * units))
    const bias = flat.slice(at, (at += units))
    return bias.map((b, u) =>
      x.reduce((sum, one, i) => sum + one * (matrix[i * units + u] ?? 0), b)
    )
  }
  const tower = (x: ReadonlyArray<number>, outputs: number) =>
    layer(layer(layer(x, 3).map(Math.tanh), 3).map(Math.tanh), outputs)
  const mean = decisions.reduce((sum, { advantage }) => sum + advantage, 0) / count
  const variance =
    decisions.reduce((sum, { advantage }) => sum + (advantage - mean) ** 2, 0) / count
  let loss = 0
  for (const decision of decisions) {
    at = 0
    const logits = tower(decision.row.observation, 3)
    const [value = 0] = tower(decision.row.observation, 1)
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
    const logs = logits.map((logit) => logit - Math.log(total))
    const advantage = (decision.advantage - mean) / (Math.sqrt(variance) + 1e-8)
    const [old = 0] = decision.oldLogProbabilities
    const ratio = Math.exp((logs[decision.row.action] ?? 0) - old)
    const kept = Math.min(Math.max(ratio, 1 - clipRatioLow), 1 + clipRatioLow)
    loss -= Math.min(ratio * advantage, kept * advantage)
    loss += entropyCoef * logs.reduce((sum, log) => sum + Math.exp(log) * log, 0)
    const moved = Math.min(Math.max(value - decision.oldValue, -valueClip), valueClip)
    const errors = [value, decision.oldValue + moved].map((v) => (v - decision.totalReturn) ** 2)
    loss += vfCoef * 0.5 * Math.max(...errors)
  }
  return loss / count
}

/** Two steps of Adam (Kingma & Ba 2015, algorithm 1) on gradients by central differences, their norm clipped. */
const slowly = (start: ReadonlyArray<number>, decisions: Decisions, rate: number) => {
  const [first, second] = [start.map(() => 0), start.map(() => 0)]
  let flat = [...start]
  for (const step of [1, 2]) {
    const slopes = flat.map((_, i) => {
      const by = (width: number) =>
        lossOf(
          flat.map((x, j) => (i === j ? x + width : x)),
          decisions
        )
      return (by(1e-5) - by(-1e-5)) / 2e-5
    })
    const norm = Math.hypot(...slopes)
    const factor = Math.min(1, maxGradNorm / (norm + 1e-6))
    flat = flat.map((x, i) => {
      const slope = factor * (slopes[i] ?? 0)
      const mean = (first[i] = 0.9 * (first[i] ?? 0) + 0.1 * slope)
      const square = (second[i] = 0.999 * (second[i] ?? 0) + 0.001 * slope * slope)
      const deviation = Math.sqrt(square / (1 - 0.999 ** step))
      return x - (rate * mean) / (1 - 0.9 ** step) / (deviation + 1e-5)
    })
  }
  return flat
}

const flatOf = ({ arrays }: Parameters.Parameters) =>
  Object.values(arrays).flatMap((array) => [...array])

describe("One update of the learner", () => {
  it.effect(
    "is what plain arithmetic makes of the same decisions: loss, clipping, Adam and all",
    () =>
      Effect.gen(function* () {
        const trained = fresh()
        const start = flatOf(trained.parameters)
        const decisions = decisionsOf(trained.parameters)
        const gradient = yield* PolicyGradient.make(MlpPolicy.make(config, trained), {
          ...Practice.cleanRl,
          maxGradNorm,
          ppoEpochs: 2,
          miniBatchSize: count,
          seed: 1,
          lr: () => 0.01
        })
        const metrics = yield* gradient.update(decisions)
        const expected = slowly(start, decisions, 0.01)
        for (const [i, x] of flatOf(trained.parameters).entries()) {
          assert.closeTo(x, expected[i] ?? 9, 2e-5, `number ${i}`)
        }
        assert.isAbove(Math.hypot(...expected.map((x, i) => x - (start[i] ?? 0))), 0.05)
        // Otherwise it would say nothing of the clipping.
        assert.isAbove(metrics["losses/clipfrac"] ?? 0, 0.2)
        assert.isAbove(metrics["losses/grad_norm"] ?? 0, maxGradNorm)
      }).pipe(Effect.provide(Session.layerInline), Effect.scoped)
  )
})
