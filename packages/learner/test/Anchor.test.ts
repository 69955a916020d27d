import { Learner, Seed } from "@dreamgym/domain"
import { Gradient, Interpreter, Op, Schedule, Session } from "@dreamgym/graph"
import { type Rows, Trainable } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Anchor, Sft } from "../src/index.ts"
import { disturbed, modelOf, tokenizer } from "./corridor.ts"
import { difference } from "./numbers.ts"

const inline = Effect.provide(Session.layerInline)
const id = (word: string) => tokenizer.idOf.get(word) ?? 0
const actions = ["left", "right", "stay"].map(id)

const rowOf = (room: number, action: number): Rows.Row => ({
  promptIds: [id(`room ${room}`), id("<act>")],
  targetIds: [action],
  weights: [1],
  features: [],
  choices: [actions]
})

/** Always to the right, in rooms 1 to 5. */
const examples = Array.from({ length: 80 }, (_, i) => ({ row: rowOf(1 + (i % 5), id("right")) }))

const options: Sft.SftOptions = {
  updates: 60,
  batchSize: 40,
  schedule: Schedule.linear({ from: 0.02, to: 0, steps: 60 }),
  weightDecay: 0,
  maxGradNorm: 1,
  key: 3
}

const [rows, places, vocabulary] = [2, 2, 4]
const number = fc.double({ min: -3, max: 3, noNaN: true })
const table = fc.array(number, { minLength: 16, maxLength: 16 })
const allowed = fc.array(fc.subarray([0, 1, 2, 3], { minLength: 1 }), {
  minLength: 4,
  maxLength: 4
})

/** The divergence by hand, over the allowed tokens alone. */
const slowly = (
  logits: ReadonlyArray<number>,
  reference: ReadonlyArray<number>,
  choices: ReadonlyArray<ReadonlyArray<number>>,
  weights: ReadonlyArray<number>
): number => {
  let [sum, total] = [0, 0]
  for (const [place, tokens] of choices.entries()) {
    const shares = (of: ReadonlyArray<number>) => {
      const raw = tokens.map((token) => Math.exp(of[place * vocabulary + token] ?? 0))
      return raw.map((one) => one / raw.reduce((all, x) => all + x, 0))
    }
    const [p, q] = [shares(logits), shares(reference)]
    const weight = weights[place] ?? 0
    for (const [i, share] of p.entries()) sum += weight * share * Math.log(share / (q[i] ?? 1))
    total += weight
  }
  return total === 0 ? 0 : sum / total
}

describe("The divergence from a reference", () => {
  it("is the sum over the allowed tokens, and its gradient is that of finite differences", () => {
    fc.assert(
      fc.property(
        table,
        table,
        allowed,
        fc.array(fc.constantFrom(0, 0.5, 1), { minLength: 4, maxLength: 4 }),
        (logits, reference, choices, weights) => {
          const shape = [rows, places, vocabulary]
          const mask = choices.flatMap((tokens) =>
            [0, 1, 2, 3].map((v) => (tokens.includes(v) ? 0 : -1e9))
          )
          const logitsBKV = Op.input("logits", shape)
          const masked = (x: typeof logitsBKV) => Op.add(x, Op.input("mask", shape))
          const kl = Anchor.divergence(
            masked(logitsBKV),
            Op.logSoftmax(masked(Op.input("reference", shape))),
            Op.input("weight", [rows, places])
          )
          const [slope = kl] = Gradient.gradients(kl, [logitsBKV])
          const feeds = { logits, reference, mask, weight: weights }
          const found = Interpreter.evaluate({ kl, slope }, feeds)
          assert.closeTo(found.kl[0] ?? 9, slowly(logits, reference, choices, weights), 1e-7)
          for (let place = 0; place < logits.length; place += 3)
            assert.closeTo(found.slope[place] ?? 9, difference(kl, feeds, "logits", place), 1e-5)
        }
      ),
      { numRuns: 40 }
    )
  })
})

describe("Imitation with an anchor", () => {
  it.effect(
    "begins at divergence 0 from itself, and then holds the policy the nearer the heavier it is",
    () =>
      Effect.gen(function* () {
        const start = disturbed(2)
        const trained = yield* Effect.forEach([0.1, 3], (coefficient) =>
          Effect.gen(function* () {
            const trainable = Trainable.copy(start)
            const anchor = { reference: start, coefficient }
            const first = yield* Sft.fit(Trainable.copy(start), examples, {
              ...options,
              anchor,
              updates: 1
            })
            assert.closeTo(first.kl ?? 9, 0, 1e-6)
            return yield* Sft.fit(trainable, examples, { ...options, anchor })
          })
        )
        const [light, heavy] = trained.map(({ kl = Number.NaN }) => kl)
        assert.isAbove(light ?? 0, 2 * (heavy ?? 9))
        assert.isAbove(heavy ?? 0, 0)
      }).pipe(inline)
  )

  it.effect(
    "ends where the loss is least: the copied action likelier, the others in their old proportions",
    () =>
      Effect.gen(function* () {
        // min of -log p(a) + c KL(p, q): c (log p(i) - log q(i)) + const - [i = a] / p(a) = 0, solved by bisection.
        const c = 1.5
        const start = disturbed(2)
        const trainable = Trainable.copy(start)
        const one = Array.from({ length: 40 }, () => ({ row: rowOf(1, id("right")) }))
        yield* Sft.fit(trainable, one, {
          ...options,
          updates: 200,
          schedule: Schedule.linear({ from: 0.01, to: 0, steps: 200 }),
          anchor: { reference: start, coefficient: c }
        })
        const shares = yield* Effect.forEach([start, trainable], sharesOf)
        const [q = [], p = []] = shares
        const rest = actions.length - 1
        // Among the actions that were not copied the shares keep their proportions.
        assert.closeTo((p[0] ?? 0) / (p[rest] ?? 1), (q[0] ?? 0) / (q[rest] ?? 1), 0.02)
        const copied = q[1] ?? 0
        const slope = (x: number) =>
          -1 / x + c * (Math.log(x / copied) - Math.log((1 - x) / (1 - copied)))
        let [low, high] = [copied, 1 - 1e-9]
        for (let i = 0; i < 60; i++) {
          const middle = (low + high) / 2
          if (slope(middle) < 0) low = middle
          else high = middle
        }
        assert.closeTo(p[1] ?? 0, low, 0.01)
      }).pipe(inline, Effect.scoped)
  )

  it.effect("keeps its reference where it was, though it is what is trained", () =>
    Effect.gen(function* () {
      const once = disturbed(4)
      const twice = Trainable.copy(once)
      yield* Sft.fit(once, examples, { ...options, anchor: { reference: once, coefficient: 1 } })
      yield* Sft.fit(twice, examples, {
        ...options,
        anchor: { reference: disturbed(4), coefficient: 1 }
      })
      assert.deepStrictEqual(
        new Uint8Array(once.parameters.memory),
        new Uint8Array(twice.parameters.memory)
      )
    }).pipe(inline)
  )

  it.effect("refuses a weight of 0", () =>
    Effect.gen(function* () {
      const anchor = { reference: disturbed(1), coefficient: 0 }
      const error = yield* Effect.flip(Sft.fit(disturbed(1), examples, { ...options, anchor }))
      assert.instanceOf(error, Learner.LearnerError)
      assert.include(error.message, "anchor")
    }).pipe(inline)
  )
})

/** How often each action is taken in room 1, from the log-probabilities of samples. */
const sharesOf = Effect.fn(function* (trainable: Trainable.Trainable) {
  const model = yield* modelOf(trainable)
  const said = yield* model.generate(
    Array.from({ length: 100 }, (_, i) => ({
      text: "room 1 <act>",
      key: Seed.key(i, "say"),
      maxTokens: 2,
      temperature: 1,
      allowed: ["left", "right", "stay"]
    }))
  )
  return ["left", "right", "stay"].map((word) => {
    const found = said.find(({ text }) => text === word)
    return found === undefined ? 0 : Math.exp(found.logProbabilities[0] ?? 0)
  })
})
