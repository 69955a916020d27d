import { Learner, Seed } from "@dreamgym/domain"
import { Schedule, Session } from "@dreamgym/graph"
import type { Rows, Trainable } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Sft } from "../src/index.ts"
import { disturbed, modelOf, tokenizer, trainableOf } from "./corridor.ts"

const inline = Effect.provide(Session.layerInline)
const words = tokenizer.vocabulary.slice(8)
const actId = tokenizer.idOf.get("<act>") ?? 0

/** Say the first word of the prompt again. */
const copies = (count: number, key = 1): ReadonlyArray<Sft.Example> => {
  const random = Seed.generator(key)
  const draw = () => tokenizer.idOf.get(words[Seed.below(random, words.length)] ?? "") ?? 0
  return Array.from({ length: count }, (_, i) => {
    const promptIds = Array.from({ length: 1 + (i % 11) }, draw)
    return { row: rowOf([...promptIds, actId], [promptIds.at(-1) ?? 0, actId]) }
  })
}

const rowOf = (
  promptIds: ReadonlyArray<number>,
  targetIds: ReadonlyArray<number>,
  overrides: Partial<Rows.Row> = {}
): Rows.Row => ({
  promptIds,
  targetIds,
  weights: targetIds.map(() => 1),
  features: [],
  ...overrides
})

const options: Sft.SftOptions = {
  updates: 90,
  batchSize: 32,
  schedule: Schedule.linear({
    from: 0.02,
    to: 0,
    steps: 90
  }),
  weightDecay: 0,
  maxGradNorm: 1,
  key: 3
}

const bytes = ({ parameters }: Trainable.Trainable) => new Uint8Array(parameters.memory).slice()

describe("Supervised fine-tuning", () => {
  it.effect.each([
    ["AdamW", {}],
    ["Muon for the matrices", { muonFactor: 2 }]
  ] as const)("learns to copy, and then says it: %s", ([, overrides]) =>
    Effect.gen(function* () {
      const trainable = trainableOf(1)
      const stats = yield* Sft.fit(trainable, copies(256), { ...options, ...overrides })
      const sessions = new Map<string, Session.Session>()
      const { accuracy, loss } = yield* Sft.evaluate(trainable, copies(50, 2), {
        batchSize: 16,
        sessions
      })
      assert.isBelow(loss, 0.05)
      assert.isAbove(accuracy, 0.98)
      assert.deepInclude(stats, { updates: 90, rows: 90 * 32 })
      assert.strictEqual(trainable.version, 90)
      const model = yield* modelOf(trainable)
      const text = "goal is room 4 left <act>"
      const one = { text, key: 1, maxTokens: 4, temperature: 0, stop: ["<act>"] }
      const [completion] = yield* model.generate([one])
      assert.strictEqual(completion?.text, "left <act>")
    }).pipe(inline, Effect.scoped)
  )

  it.effect("is bit for bit the same from the same key, and another from another", () =>
    Effect.gen(function* () {
      const trained = yield* Effect.forEach([3, 3, 4], (key) =>
        Effect.gen(function* () {
          const trainable = disturbed(2)
          yield* Sft.fit(trainable, copies(100), { ...options, updates: 6, key })
          return bytes(trainable)
        })
      )
      assert.deepStrictEqual(trained[1], trained[0])
      assert.notDeepEqual(trained[2], trained[0])
    }).pipe(inline, Effect.scoped)
  )

  it.effect("reports the mean loss over the tokens of a batch, however it is computed", () =>
    Effect.gen(function* () {
      const trainable = disturbed(8)
      const examples = copies(64).map(({ row }, i) => ({ row: { ...row, weights: [1, i / 16] } }))
      const held = yield* Sft.evaluate(trainable, examples, { batchSize: 8, sessions: new Map() })
      const stats = yield* Sft.fit(trainable, examples, { ...options, batchSize: 64, updates: 1 })
      assert.closeTo(stats.loss, held.loss, 1e-5)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("stops when it is told to", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const stats = yield* Sft.fit(disturbed(3), copies(100), {
        ...options,
        onUpdate: (update, loss) =>
          Effect.sync(() => (seen.push(update), assert.isAbove(loss, 0), update < 4))
      })
      assert.deepStrictEqual(seen, [1, 2, 3, 4])
      assert.strictEqual(stats.updates, 4)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("learns nothing from tokens of weight 0, and keeps to the choices of a row", () =>
    Effect.gen(function* () {
      const still = disturbed(4)
      const before = bytes(still)
      const mute = copies(40).map(({ row }) => ({ row: { ...row, weights: [0, 0] } }))
      yield* Sft.fit(still, mute, { ...options, updates: 3 })
      assert.deepStrictEqual(bytes(still), before)
      const only = copies(40).map(({ row }) => ({
        row: { ...row, choices: row.targetIds.map((id) => [id]) }
      }))
      const stats = yield* Sft.fit(still, only, { ...options, updates: 3 })
      assert.closeTo(stats.loss, 0, 1e-6)
      assert.deepStrictEqual(bytes(still), before)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("keeps the last good parameters where the loss is no number", () =>
    Effect.gen(function* () {
      const trainable = disturbed(5)
      let good = bytes(trainable)
      const error = yield* Effect.flip(
        Sft.fit(trainable, copies(100), {
          ...options,
          onUpdate: (update) =>
            Effect.sync(() => {
              if (update === 3) trainable.parameters.arrays["norm.gain"]?.fill(Number.NaN)
              good = bytes(trainable)
              return true
            })
        })
      )
      assert.instanceOf(error, Learner.LearnerError)
      assert.strictEqual(error.reason, "NotFinite")
      assert.deepStrictEqual(bytes(trainable), good)
    }).pipe(inline, Effect.scoped)
  )

  it.effect.each([
    ["nothing", [], "NoTokens", "no row"],
    ["an unchosen token", [rowOf([9], [10], { choices: [[11, 12]] })], "BadState", "row 0"],
    [
      "missing weights",
      [rowOf([9], [10]), rowOf([9], [9, 10], { weights: [1] })],
      "BadState",
      "row 1"
    ],
    ["no target", [rowOf([9], [])], "BadState", "row 0"]
  ] as const)("refuses %s", ([, rows, reason, words]) =>
    Effect.gen(function* () {
      const examples = rows.map((row) => ({ row }))
      const error = yield* Effect.flip(Sft.fit(disturbed(6), examples, options))
      assert.strictEqual(error.reason, reason)
      assert.include(error.message, words)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("evaluates every row once, whatever the batches", () =>
    Effect.gen(function* () {
      const trainable = disturbed(7)
      const examples = copies(37)
      const losses = yield* Effect.forEach([1, 8, 64], (batchSize) =>
        Sft.evaluate(trainable, examples, { batchSize, sessions: new Map() })
      )
      assert.closeTo(losses[1]?.loss ?? 0, losses[0]?.loss ?? 1, 1e-5)
      assert.closeTo(losses[2]?.loss ?? 0, losses[0]?.loss ?? 1, 1e-5)
      assert.closeTo(losses[2]?.accuracy ?? 0, losses[0]?.accuracy ?? 1, 1e-5)
      const error = yield* Effect.flip(
        Sft.evaluate(trainable, [], { batchSize: 8, sessions: new Map() })
      )
      assert.strictEqual(error.reason, "NoTokens")
    }).pipe(inline, Effect.scoped)
  )
})
