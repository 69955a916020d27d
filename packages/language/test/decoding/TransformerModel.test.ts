import { LanguageModel, Seed } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Transformer } from "../../src/index.ts"
import { configOf, inline, logProbabilityOf, parametersOf, recomputed } from "./transformer.ts"

const pieces = [
  "<end>",
  "\n",
  "\n\n",
  " ",
  "the",
  "a",
  "b",
  "c",
  "d",
  "e",
  "f",
  "g",
  "h",
  "t",
  "ab",
  "ef"
]

/** The longest piece first; a letter that is no piece is no token. */
const encode = (text: string): ReadonlyArray<number> => {
  const ids: Array<number> = []
  for (let at = 0; at < text.length;) {
    const found = pieces
      .filter((piece) => text.startsWith(piece, at))
      .toSorted((a, b) => b.length - a.length)[0]
    if (found !== undefined) ids.push(pieces.indexOf(found))
    at += found?.length ?? 1
  }
  return ids
}

const tokenizer: Transformer.TransformerModel.Words = {
  specialIds: { eos: [0] },
  encode,
  decode: (ids, { hasSpecials = false } = {}) =>
    ids.map((id) => (id === 0 && !hasSpecials ? "" : (pieces[id] ?? "?"))).join("")
}

const config = configOf({ vocabularySize: pieces.length, hasValue: true })

const modelOf = (key: number, overrides: Partial<Transformer.TransformerModel.Options> = {}) =>
  Transformer.TransformerModel.make({
    name: "small",
    config,
    parameters: parametersOf(config, key),
    tokenizer,
    version: Effect.succeed(5),
    ...overrides
  })

const prompt = (overrides: Partial<LanguageModel.Prompt> = {}): LanguageModel.Prompt => ({
  text: "the cab\n",
  key: 7,
  maxTokens: 8,
  temperature: 1,
  ...overrides
})

const promptsOf = (count: number, key: number): ReadonlyArray<LanguageModel.Prompt> => {
  const random = Seed.generator(key)
  const textOf = (length: number) =>
    Array.from({ length }, () => pieces[1 + Seed.below(random, pieces.length - 1)]).join("")
  return Array.from({ length: count }, (_, i) => ({
    text: textOf(1 + Seed.below(random, 20)),
    key: Seed.key(key, "prompt", i),
    maxTokens: 1 + Seed.below(random, 9),
    temperature: [1, 0.6, 1.7, 0][i % 4] ?? 1,
    ...(i % 3 === 0 ? { minP: 0.1 } : {}),
    ...(i % 2 === 0
      ? { allowed: Array.from({ length: 3 }, () => textOf(3)) }
      : { stop: ["\n", "c d"] })
  }))
}

const said = (completions: ReadonlyArray<LanguageModel.Completion>) =>
  completions.map(({ finish, ids, text }) => ({ finish, ids, text }))

describe("TransformerModel", () => {
  it.effect("tells the log-probabilities and the value that the training graph computes", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(1)
      const prompts = promptsOf(24, 3)
      const completions = yield* model.generate(prompts)
      const parameters = parametersOf(config, 1)
      for (const [
        i,
        { choices, ids, logProbabilities, promptIds, value }
      ] of completions.entries()) {
        const { logits = new Float32Array(), values } = yield* recomputed(config, parameters, [
          ...promptIds,
          ...ids
        ])
        assert.closeTo(value ?? Number.NaN, values?.[promptIds.length - 1] ?? Number.NaN, 1e-4)
        assert.strictEqual(
          choices === undefined,
          prompts[i]?.allowed === undefined && prompts[i]?.minP === undefined
        )
        for (const [k, id] of ids.entries()) {
          const at = (promptIds.length + k - 1) * pieces.length
          const row = logits.subarray(at, at + pieces.length)
          const wanted = logProbabilityOf(row, id, prompts[i]?.temperature ?? 1, choices?.[k])
          assert.closeTo(logProbabilities[k] ?? Number.NaN, wanted, 1e-4)
        }
      }
    }).pipe(inline)
  )

  it.effect("of a prompt depends on nothing else in the batch, and on its key", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(2)
      const prompts = promptsOf(20, 4)
      const wanted = said(yield* model.generate(prompts))
      const alone = yield* modelOf(2, { slots: 3 })
      assert.deepStrictEqual(
        said((yield* Effect.forEach(prompts, (one) => alone.generate([one]))).flat()),
        wanted
      )
      assert.deepStrictEqual(said(yield* alone.generate(prompts.toReversed())).toReversed(), wanted)
      const others = yield* model.generate(prompts.map((one) => ({ ...one, key: one.key + 1 })))
      assert.notDeepEqual(said(others), wanted)
      assert.strictEqual(yield* model.version, 5)
      assert.deepStrictEqual(yield* model.generate([]), [])
    }).pipe(inline)
  )

  it.effect("says one of the allowed texts, also where one begins another", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(3)
      const allowed = ["the a", "the a b", "cd", "heh"]
      const completions = yield* model.generate(
        Array.from({ length: 60 }, (_, key) => prompt({ key, allowed }))
      )
      assert.deepStrictEqual(
        [...new Set(completions.map(({ text }) => text))].toSorted(),
        allowed.toSorted()
      )
      assert.isTrue(completions.every(({ finish }) => finish === "Stop"))
      const [cut] = yield* model.generate([prompt({ allowed: ["the a b"], maxTokens: 2 })])
      assert.deepInclude(cut, { text: "the ", finish: "Length" })
    }).pipe(inline)
  )

  it.effect("ends at a stop, of however many tokens, at the end token, or at its length", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(4)
      const free = yield* model.generate(
        Array.from({ length: 80 }, (_, key) => prompt({ key, maxTokens: 30, temperature: 1.5 }))
      )
      const stop = ["\n", "ea", "<end>"]
      const stopped = yield* model.generate(
        free.map((_, key) => prompt({ key, maxTokens: 30, temperature: 1.5, stop }))
      )
      const ends = new Set<string>()
      for (const [i, { finish, ids, text }] of stopped.entries()) {
        const whole = free[i]
        assert.deepStrictEqual(ids, whole?.ids.slice(0, ids.length))
        const found = stop.filter((word) => text.includes(word))
        assert.strictEqual(finish, found.length > 0 ? "Stop" : "Length")
        const before = tokenizer.decode(ids.slice(0, -1), { hasSpecials: true })
        assert.isFalse(stop.some((word) => before.includes(word)))
        for (const word of found) ends.add(word)
        if (whole?.finish === "Stop") {
          assert.strictEqual(whole.ids.at(-1), 0)
          assert.notInclude(whole.text, "<end>")
        }
      }
      assert.deepStrictEqual([...ends].toSorted(), stop.toSorted())
      assert.isTrue(free.some(({ finish }) => finish === "Stop"))
    }).pipe(inline)
  )

  it.effect("reads of a prompt that goes on from an earlier one only what is new", () =>
    Effect.gen(function* () {
      const parameters = parametersOf(config, 5)
      const { recall } = yield* Transformer.Decoding.make({ config, parameters })
      const ask = yield* recall(2)
      const request = { key: 1, maxTokens: 2 }
      const [one, other] = [encode("the cab the cab"), encode("heh heh heh")]
      const first = yield* ask({ ...request, history: one })
      yield* ask({ ...request, history: other })
      // What was silent longest is not what this one goes on from.
      assert.strictEqual((yield* ask({ ...request, history: [...other, 5] })).read, 1 + 1)
      const next = [...one, ...first.ids, ...encode("ab")]
      assert.strictEqual((yield* ask({ ...request, history: next })).read, 1 + 1 + 1)
    }).pipe(Effect.scoped, inline)
  )

  it.effect.each([
    ["no token", { text: "!" }],
    ["maxTokens 0", { maxTokens: 0 }],
    ["temperature -1", { temperature: -1 }],
    ["minP 7", { minP: 7 }],
    ['no feature "near"', { matches: { near: ["cab"] } }],
    ['"cab" can be spelt', { forbidden: ["cab"] }],
    ['"the" can be spelt', { once: ["the"] }],
    ["an empty stop", { stop: [""] }],
    ["none of the 1 allowed texts", { allowed: ["!"] }],
    ["none of the 0 allowed texts", { allowed: [] }],
    ["the cache holds 256", { text: "c".repeat(300) }]
  ] as const)("refuses a prompt that it cannot honour: %s", ([words, overrides]) =>
    Effect.gen(function* () {
      const model = yield* modelOf(6)
      const error = yield* Effect.flip(model.generate([prompt(), prompt(overrides)]))
      assert.deepInclude({ ...error }, { reason: "BadRequest", model: "small" })
      assert.include(error.message, words)
      yield* model.generate([prompt({ forbidden: [], matches: {} })])
    }).pipe(inline)
  )

  it.effect("refuses a text that begins another where nothing could end it", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(7, { tokenizer: { ...tokenizer, specialIds: { eos: [] } } })
      const error = yield* Effect.flip(model.generate([prompt({ allowed: ["cd", "cde"] })]))
      assert.include(error.message, '"cd" begins another')
      const [fine] = yield* model.generate([prompt({ allowed: ["cd", "ceh"] })])
      assert.include(["cd", "ceh"], fine?.text)
    }).pipe(inline)
  )

  it.effect.each([{}, { allowed: ["cd"] }, { temperature: 0 }])(
    "fails where the network gives no numbers: %j",
    (overrides) =>
      Effect.gen(function* () {
        const parameters = parametersOf(config, 8)
        parameters.arrays["model.layers.0.self_attn.q_proj.weight"]?.fill(Number.NaN)
        const model = yield* modelOf(8, { parameters })
        const error = yield* Effect.flip(model.generate([prompt(overrides)]))
        assert.instanceOf(error, LanguageModel.LanguageModelError)
        assert.strictEqual(error.reason, "BadResponse")
      }).pipe(inline)
  )
})
