import { Learner } from "@dreamgym/domain"
import { Gradient, Interpreter, Op, Schedule, Session } from "@dreamgym/graph"
import { type Rows, Trainable } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Dpo, DpoLoss, RowScores } from "../src/index.ts"
import { disturbed, modelOf, tokenizer, trainableOf } from "./corridor.ts"
import { difference } from "./numbers.ts"

const inline = Effect.provide(Session.layerInline)
const id = (word: string) => tokenizer.idOf.get(word) ?? 0
const actions = ["left", "right", "stay"]

/** In a room, of three actions one. */
const rowOf = (room: number, action: string): Rows.Row => ({
  promptIds: [id("you are in"), id(`room ${room}`), id("<act>")],
  targetIds: [id(action)],
  weights: [1],
  features: [],
  choices: [actions.map(id)]
})

/** To the right is better, in every room; trajectories of one to three actions. */
const preferences = (count: number): ReadonlyArray<Dpo.Preference> =>
  Array.from({ length: count }, (_, i) => ({
    chosen: Array.from({ length: 1 + (i % 3) }, (_, t) => rowOf(1 + ((i + t) % 5), "right")),
    rejected: Array.from({ length: 1 + (i % 2) }, (_, t) =>
      rowOf(1 + ((i + t) % 5), i % 2 === 0 ? "left" : "stay")
    )
  }))

const options: Dpo.DpoOptions = {
  beta: 0.5,
  labelSmoothing: 0,
  sftCoef: 0,
  lengthNormalization: false,
  updates: 40,
  batchSize: 10,
  schedule: Schedule.constant(0.01),
  weightDecay: 0,
  maxGradNorm: 1,
  key: 3
}

const bytes = ({ parameters }: Trainable.Trainable) => new Uint8Array(parameters.memory).slice()

interface PairNumbers {
  readonly chosen: number
  readonly rejected: number
  readonly referenceChosen: number
  readonly referenceRejected: number
  readonly chosenTokens: number
  readonly rejectedTokens: number
}

/** The paper's Eq. 7 by hand, pair by pair. */
const slowly = (pairs: ReadonlyArray<PairNumbers>, given: DpoLoss.Options): number => {
  let sum = 0
  for (const pair of pairs) {
    const [c, r] = given.lengthNormalization ? [pair.chosenTokens, pair.rejectedTokens] : [1, 1]
    const up = (pair.chosen - pair.referenceChosen) / c
    const down = (pair.rejected - pair.referenceRejected) / r
    const right = 1 / (1 + Math.exp(-given.beta * (up - down)))
    // 1 - right, which near 1 is little but rounding.
    const wrong = 1 / (1 + Math.exp(given.beta * (up - down)))
    sum -= (1 - given.labelSmoothing) * Math.log(right)
    sum -= given.labelSmoothing * Math.log(wrong)
    sum -= (given.sftCoef * pair.chosen) / pair.chosenTokens
  }
  return sum / pairs.length
}

const settings = fc.record<DpoLoss.Options>({
  beta: fc.double({ min: 0.05, max: 2, noNaN: true }),
  labelSmoothing: fc.constantFrom(0, 0.1, 0.4),
  sftCoef: fc.constantFrom(0, 0.3),
  lengthNormalization: fc.boolean()
})
const logp = fc.double({ min: -8, max: -0.01, noNaN: true })
const tokens = fc.integer({ min: 1, max: 9 })
const pair = fc.record<PairNumbers>({
  chosen: logp,
  rejected: logp,
  referenceChosen: logp,
  referenceRejected: logp,
  chosenTokens: tokens,
  rejectedTokens: tokens
})

const names = [
  "chosen",
  "rejected",
  "referenceChosen",
  "referenceRejected",
  "chosenTokens",
  "rejectedTokens"
] as const

/** Feeds with `padding` pairs more, of which nothing may be heard. */
const feedsOf = (pairs: ReadonlyArray<PairNumbers>, padding: number) => ({
  ...Object.fromEntries(
    names.map((name) => [
      name,
      [...pairs.map((one) => one[name]), ...new Array<number>(padding).fill(1)]
    ])
  ),
  pair: [...pairs.map(() => 1), ...new Array<number>(padding).fill(0)]
})

const graphOf = (count: number, given: DpoLoss.Options) => {
  const column = (name: string) => Op.input(name, [count])
  const [chosenQ, rejectedQ] = [column("chosen"), column("rejected")]
  const made = DpoLoss.loss(
    {
      chosenQ,
      rejectedQ,
      referenceChosenQ: column("referenceChosen"),
      referenceRejectedQ: column("referenceRejected"),
      chosenTokensQ: column("chosenTokens"),
      rejectedTokensQ: column("rejectedTokens"),
      pairQ: column("pair")
    },
    given
  )
  const [toChosen = chosenQ, toRejected = chosenQ] = Gradient.gradients(made.loss, [
    chosenQ,
    rejectedQ
  ])
  return { ...made, slopes: { chosen: toChosen, rejected: toRejected } }
}

describe("The loss of preferences", () => {
  it("is the paper's formula, whatever pads the batch, and its gradient is that of finite differences", () => {
    fc.assert(
      fc.property(
        fc.array(pair, { minLength: 1, maxLength: 5 }),
        settings,
        fc.integer({ min: 0, max: 3 }),
        (pairs, given, padding) => {
          const { loss, slopes } = graphOf(pairs.length + padding, given)
          const feeds = feedsOf(pairs, padding)
          const found = Interpreter.evaluate({ loss, ...slopes }, feeds)
          assert.closeTo(found.loss[0] ?? 9, slowly(pairs, given), 1e-9)
          for (const name of ["chosen", "rejected"] as const) {
            for (let place = 0; place < pairs.length + padding; place++) {
              const numeric = difference(loss, feeds, name, place)
              assert.closeTo(found[name][place] ?? 9, place < pairs.length ? numeric : 0, 1e-6)
            }
          }
        }
      ),
      { numRuns: 60 }
    )
  })
})

describe("Direct preference optimisation", () => {
  it.effect("begins at log 2 and margin 0 against itself, whatever the pairs", () =>
    Effect.gen(function* () {
      const { metrics, pairs } = yield* Dpo.fit(disturbed(2), preferences(24), {
        ...options,
        updates: 1,
        batchSize: 99
      })
      assert.strictEqual(pairs, 24)
      assert.closeTo(metrics.loss, Math.log(2), 1e-5)
      assert.closeTo(metrics["rewards/margins"], 0, 1e-5)
    }).pipe(inline)
  )

  it.effect(
    "sums over the actions of a trajectory: against another reference the loss is the formula's",
    () =>
      Effect.gen(function* () {
        const [policy, reference] = [disturbed(3), disturbed(4)]
        const pairs = preferences(12)
        const given = { beta: 0.7, labelSmoothing: 0.1, sftCoef: 0.2, lengthNormalization: true }
        const score = Effect.fn(function* (of: Trainable.Trainable, rows: ReadonlyArray<Rows.Row>) {
          const each = yield* Effect.forEach(rows, (row) =>
            RowScores.logProbabilities(of, [row], {})
          )
          return each.flat().reduce((sum, one) => sum + one, 0)
        })
        const numbers = yield* Effect.forEach(pairs, ({ chosen, rejected }) =>
          Effect.all({
            chosen: score(policy, chosen),
            rejected: score(policy, rejected),
            referenceChosen: score(reference, chosen),
            referenceRejected: score(reference, rejected),
            chosenTokens: Effect.succeed(chosen.length),
            rejectedTokens: Effect.succeed(rejected.length)
          })
        )
        const told = { ...options, ...given, reference, updates: 1, batchSize: 12 }
        const { metrics } = yield* Dpo.fit(policy, pairs, told)
        assert.closeTo(metrics.loss, slowly(numbers, given), 1e-4)
      }).pipe(inline, Effect.scoped)
  )

  it.effect.each([
    ["plain", {}],
    ["with smoothed labels", { labelSmoothing: 0.1 }],
    ["with a term of imitation, per token", { sftCoef: 0.2, lengthNormalization: true }]
  ] as const)("learns to go to the right: %s", ([, overrides]) =>
    Effect.gen(function* () {
      const trainable = trainableOf(1)
      const { metrics, updates } = yield* Dpo.fit(trainable, preferences(40), {
        ...options,
        ...overrides
      })
      assert.strictEqual(updates, 40)
      assert.strictEqual(trainable.version, 40)
      assert.isAbove(metrics["rewards/accuracies"], 0.8)
      assert.isAbove(metrics["rewards/chosen"], metrics["rewards/rejected"])
      const model = yield* modelOf(trainable)
      const said = yield* model.generate(
        [1, 2, 3, 4, 5].map((room) => ({
          text: `you are in room ${room} <act>`,
          key: room,
          maxTokens: 2,
          temperature: 0,
          allowed: actions
        }))
      )
      assert.deepStrictEqual(new Set(said.map(({ text }) => text)), new Set(["right"]))
    }).pipe(inline, Effect.scoped)
  )

  it.effect("is the same from the same key, and keeps its reference still", () =>
    Effect.gen(function* () {
      const reference = disturbed(6)
      const before = bytes(reference)
      const told = { ...options, reference, updates: 4, batchSize: 12 }
      const [once, again, other] = yield* Effect.forEach([3, 3, 4], (key) =>
        Effect.gen(function* () {
          const trainable = Trainable.copy(reference)
          yield* Dpo.fit(trainable, preferences(30), { ...told, key })
          return bytes(trainable)
        })
      )
      assert.deepStrictEqual(again, once)
      assert.notDeepEqual(other, once)
      assert.deepStrictEqual(bytes(reference), before)
    }).pipe(inline)
  )

  it.effect("stops when it is told to", () =>
    Effect.gen(function* () {
      const { updates } = yield* Dpo.fit(trainableOf(1), preferences(20), {
        ...options,
        onUpdate: (update) => Effect.succeed(update < 3)
      })
      assert.strictEqual(updates, 3)
    }).pipe(inline)
  )

  it.effect.each([
    ["no pair", [], {}, "NoTokens", "no pair"],
    [
      "an empty side",
      [{ chosen: [], rejected: [rowOf(1, "left")] }],
      {},
      "NoTokens",
      "pair 0: chosen"
    ],
    [
      "a row that contradicts itself",
      [
        {
          chosen: [rowOf(1, "left")],
          rejected: [{ ...rowOf(1, "left"), choices: [[id("right")]] }]
        }
      ],
      {},
      "BadState",
      "pair 0: a row of rejected"
    ],
    ["beta 0", preferences(2), { beta: 0 }, "BadOptions", "beta"],
    [
      "labels that say nothing",
      preferences(2),
      { labelSmoothing: 0.5 },
      "BadOptions",
      "labelSmoothing"
    ],
    ["a negative term", preferences(2), { sftCoef: -1 }, "BadOptions", "sftCoef"],
    ["an empty batch", preferences(2), { batchSize: 0 }, "BadOptions", "batchSize"]
  ] as const)("refuses %s", ([, pairs, overrides, reason, words]) =>
    Effect.gen(function* () {
      const trainable = disturbed(5)
      const before = bytes(trainable)
      const error = yield* Effect.flip(Dpo.fit(trainable, pairs, { ...options, ...overrides }))
      assert.instanceOf(error, Learner.LearnerError)
      assert.strictEqual(error.reason, reason)
      assert.include(error.message, words)
      assert.deepStrictEqual(bytes(trainable), before)
    }).pipe(inline)
  )
})
