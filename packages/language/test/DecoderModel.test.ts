import { LanguageModel, Seed } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { spawnSync } from "node:child_process"
import * as ShardProgram from "../src/ShardProgram.ts"
import { Decoder, DecoderModel, Rows, Tokenizer, type Trainable } from "../src/index.ts"
import { inline, modelOf, promptsOf, rowOf, textOf, tokenizer, trainableOf } from "./network.ts"

const size = tokenizer.vocabulary.length

/** Logits [K, V] and the value of one completion, recomputed in one pass by the training graph. */
const recomputed = Effect.fn(function* (trainable: Trainable.Trainable, row: Rows.Row) {
  const { network, parameters } = trainable
  const pool = yield* Session.SessionPool
  const sizes = { batch: 1, prompt: row.promptIds.length, read: Math.max(1, row.targetIds.length) }
  const { logitsBKV, valueB = logitsBKV } = Decoder.forward(
    network,
    DecoderModel.weightsOf(parameters),
    sizes
  )
  const { target, weight, ...feeds } = Rows.collate(network, [row], sizes)
  assert.strictEqual(target?.length, weight?.length)
  return yield* (yield* pool.compile(
    { logits: logitsBKV, value: valueB },
    {
      bind: parameters.arrays
    }
  )).run(feeds)
})

/** ln of the share of `id` among `choices` after temperature: the definition, in a few words. */
const logProbabilityOf = (
  logits: Float32Array,
  choices: ReadonlyArray<number>,
  id: number,
  temperature: number
) => {
  const score = (of: number) => (logits[of] ?? Number.NaN) / (temperature === 0 ? 1 : temperature)
  return score(id) - Math.log(choices.reduce((sum, of) => sum + Math.exp(score(of)), 0))
}

const open = Array.from({ length: size }, (_, id) => id).filter(
  (id) => !Tokenizer.neverSampled.includes(id)
)

const prompt = (overrides: Partial<LanguageModel.Prompt> = {}): LanguageModel.Prompt => ({
  text: "the mug 1 is in the drawer 1 . open",
  key: 7,
  maxTokens: 6,
  temperature: 1,
  ...overrides
})

const textsOf = (completions: ReadonlyArray<LanguageModel.Completion>) =>
  completions.map(({ finish, ids, text }) => ({ finish, ids, text }))

describe("Generation", () => {
  it.effect("tells the log-probabilities and the value that the training graph computes", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(1)
      const model = yield* modelOf(trainable)
      const prompts = promptsOf(30, 11)
      const completions = yield* model.generate(prompts)
      for (const [i, completion] of completions.entries()) {
        const { logits, value } = yield* recomputed(trainable, rowOf(completion))
        assert.closeTo(completion.value ?? Number.NaN, value[0] ?? Number.NaN, 1e-4)
        assert.strictEqual(completion.ids.length, completion.logProbabilities.length)
        for (const [k, id] of completion.ids.entries()) {
          const wanted = logProbabilityOf(
            logits.subarray(k * size, (k + 1) * size),
            completion.choices?.[k] ?? open,
            id,
            prompts[i]?.temperature ?? 1
          )
          assert.closeTo(completion.logProbabilities[k] ?? Number.NaN, wanted, 1e-4, `${i} ${k}`)
        }
      }
    }).pipe(inline, Effect.scoped)
  )

  it.effect("with a cache gives token by token what recomputing everything gives", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(2)
      const model = yield* modelOf(trainable)
      const [completion] = yield* model.generate([prompt({ temperature: 0, maxTokens: 8 })])
      const ids: Array<number> = []
      for (let k = 0; k < 8; k++) {
        const row = { ...(completion && rowOf(completion)), targetIds: [...ids, 2] }
        const { logits } = yield* recomputed(trainable, {
          promptIds: tokenizer.encode(prompt().text),
          weights: row.targetIds.map(() => 1),
          features: [],
          targetIds: row.targetIds
        })
        const last = logits.subarray(k * size)
        ids.push(open.reduce((a, b) => ((last[b] ?? 0) > (last[a] ?? 0) ? b : a)))
      }
      assert.deepStrictEqual(completion?.ids, ids)
      assert.strictEqual(completion?.finish, "Length")
    }).pipe(inline, Effect.scoped)
  )

  it.effect("of a row depends on nothing else in the batch, nor on batches and shards", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(3)
      const prompts = promptsOf(40, 21)
      const wanted = yield* (yield* modelOf(trainable)).generate(prompts)
      const alone = yield* modelOf(trainable)
      const singles = yield* Effect.forEach(prompts, (one) => alone.generate([one]))
      assert.deepStrictEqual(textsOf(singles.flat()), textsOf(wanted))
      for (const options of [{ maxBatch: 8 }, { shards: 2 }, { shards: 3, maxBatch: 16 }]) {
        const model = yield* modelOf(trainable, options)
        assert.deepStrictEqual(textsOf(yield* model.generate(prompts)), textsOf(wanted))
        const turned = yield* model.generate(prompts.toReversed())
        assert.deepStrictEqual(textsOf(turned.toReversed()), textsOf(wanted))
      }
    }).pipe(inline, Effect.scoped)
  )

  it.effect("in worker threads is bit for bit the same each time", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(4)
      const prompts = promptsOf(40, 31)
      const first = yield* (yield* modelOf(trainable, { shards: 2 })).generate(prompts)
      const second = yield* (yield* modelOf(trainable, { shards: 2 })).generate(prompts)
      assert.deepStrictEqual(second, first)
      const other = yield* (yield* modelOf(trainable)).generate(
        prompts.map((one) => ({ ...one, key: one.key + 1 }))
      )
      assert.notDeepEqual(textsOf(other), textsOf(first))
    }).pipe(Effect.provide(Session.layer({ workers: 2 })), Effect.scoped)
  )

  it.effect("says in memory that other batches have used what it says in new memory", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(6)
      const batches = [40, 9, 64, 40].map((rows, i) => promptsOf(rows, 50 + i))
      const used = yield* modelOf(trainable, { shards: 2 })
      for (const prompts of batches) {
        const fresh = yield* modelOf(trainable, { shards: 2 })
        assert.deepStrictEqual(yield* used.generate(prompts), yield* fresh.generate(prompts))
      }
    }).pipe(Effect.provide(Session.layer({ workers: 2 })), Effect.scoped)
  )

  it.effect(
    "is one message to a thread for each batch, and one more for each session it lacks",
    () =>
      Effect.gen(function* () {
        const pool = yield* Session.SessionPool
        const [performed, compiled] = [Array<string>(), Array<string>()]
        const watched: typeof pool = {
          ...pool,
          perform: (program, input, options) => {
            performed.push(`in thread ${options.worker}`)
            return pool.perform(program, input, options)
          },
          compile: (outputs, options) =>
            Effect.map(pool.compile(outputs, options), (session) => {
              compiled.push(`${options?.name} in thread ${options?.worker}`)
              return { ...session, run: () => Effect.die(new Error("a run from outside")) }
            })
        }
        const model = yield* Effect.provideService(
          modelOf(trainableOf(15), { shards: 2, maxBatch: 16 }),
          Session.SessionPool,
          watched
        )
        const prompts = promptsOf(64, 61)
        const first = yield* model.generate(prompts)
        const sessions = compiled.length
        assert.lengthOf(new Set(compiled), sessions)
        assert.deepStrictEqual(yield* model.generate(prompts), first)
        assert.deepStrictEqual(
          performed.toSorted(),
          [0, 1].flatMap((worker) => Array<string>(4).fill(`in thread ${worker}`))
        )
        assert.lengthOf(compiled, sessions)
      }).pipe(Effect.provide(Session.layer({ workers: 2 })), Effect.scoped)
  )

  it.live("that is interrupted harms none that follows", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(16)
      const model = yield* modelOf(trainable, { shards: 2 })
      const prompts = promptsOf(40, 71)
      const wanted = yield* model.generate(prompts)
      const long = prompts.map(({ key, temperature, text }) => ({
        key,
        temperature,
        text,
        maxTokens: 9_000
      }))
      for (const wait of [1, 5, 20]) {
        const fiber = yield* Effect.forkChild(model.generate(long))
        yield* Effect.sleep(`${wait} millis`)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* model.generate(prompts), wanted)
      }
    }).pipe(Effect.provide(Session.layer({ workers: 2 })), Effect.scoped)
  )

  it("loads nothing of Effect into the threads: that would take each of them a second", () => {
    const source = `
      import { registerHooks } from "node:module"
      registerHooks({
        resolve: (specifier, context, next) => {
          const found = next(specifier, context)
          if (/node_modules.effect|language.src.Tokenizer|src.index/.test(found.url)) console.log(found.url)
          return found
        }
      })
      await import(${JSON.stringify(ShardProgram.reference.module.href)})
      await import(import.meta.resolve("@dreamgym/graph/SessionEngine"))`
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      ["--conditions=source", "--input-type=module", "-e", source],
      { cwd: import.meta.dirname }
    )
    assert.deepStrictEqual([status, `${stdout}`, `${stderr}`], [0, "", ""])
  })

  it.effect("says one of the allowed texts, also where one begins another", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(trainableOf(5))
      const allowed = ["take mug 1", "take mug 1 in drawer 1", "look", "open  drawer 1 ."]
      const prompts = Array.from({ length: 64 }, (_, key) => prompt({ key, allowed }))
      const completions = yield* model.generate(prompts)
      const said = new Set(completions.map(({ text }) => text))
      assert.deepStrictEqual([...said].toSorted(), allowed.toSorted())
      for (const { choices, finish, ids } of completions) {
        assert.strictEqual(finish, "Stop")
        for (const [k, id] of ids.entries()) assert.include(choices?.[k] ?? [], id)
      }
      const [only] = yield* model.generate([prompt({ allowed: ["look in shelf 1"] })])
      assert.deepStrictEqual(only?.logProbabilities, [0, 0, 0])
    }).pipe(inline, Effect.scoped)
  )

  it.effect("never says what is ruled out, nor a rare word twice between special words", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(trainableOf(6))
      const once = ["mug 1", "take", "the", "shelf 1"]
      const forbidden = ["go", ".", "is", "look"]
      const texts = ["go", "take the mug 1", "take take", "look", "take zebra"]
      const prompts = Array.from({ length: 40 }, (_, key) =>
        prompt({ key, once, forbidden, maxTokens: 12, temperature: 2 })
      )
      const free = yield* model.generate(prompts)
      const bound = yield* model.generate(prompts.map((one) => ({ ...one, allowed: texts })))
      assert.deepStrictEqual([...new Set(bound.map(({ text }) => text))], ["take the mug 1"])
      for (const { ids } of free) {
        const words = ids.map((id) => tokenizer.vocabulary[id] ?? "")
        for (const word of [...forbidden, "<pad>", "<unk>"]) assert.notInclude(words, word)
        for (const part of parts(words)) {
          for (const word of once) assert.isAtMost(part.filter((one) => one === word).length, 1)
        }
      }
      const said = free.map(({ ids }) => ids.map((id) => tokenizer.vocabulary[id] ?? ""))
      assert(
        said.some((words) => once.some((word) => words.indexOf(word) < words.lastIndexOf(word)))
      )
    }).pipe(inline, Effect.scoped)
  )

  const parts = (words: ReadonlyArray<string>) =>
    words
      .map((word) => (word.startsWith("<") ? "<>" : word))
      .join("|")
      .split("<>")
      .map((part) => part.split("|"))

  it.effect("ends at a stop word, at its length, or with its text", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(trainableOf(7))
      const every = tokenizer.vocabulary.slice(2)
      const [stopped, long, cut] = yield* model.generate([
        prompt({ stop: every }),
        prompt({ maxTokens: 5 }),
        prompt({ allowed: ["open the drawer 1 ."], maxTokens: 2 })
      ])
      assert.deepInclude(stopped, { finish: "Stop" })
      assert.lengthOf(stopped?.ids ?? [], 1)
      assert.deepInclude(long, { finish: "Length" })
      assert.lengthOf(long?.ids ?? [], 5)
      assert.deepInclude(cut, { finish: "Length", text: "open the" })
    }).pipe(inline, Effect.scoped)
  )

  it.effect("reads the parameters as they are now", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(8)
      const model = yield* modelOf(trainable)
      const before = yield* model.generate(promptsOf(8, 41))
      const other = trainableOf(9)
      for (const [name, array] of Object.entries(trainable.parameters.arrays)) {
        array.set(other.parameters.arrays[name] ?? [])
      }
      trainable.version = 3
      const after = yield* model.generate(promptsOf(8, 41))
      assert.notDeepEqual(textsOf(after), textsOf(before))
      const fresh = yield* (yield* modelOf(other)).generate(promptsOf(8, 41))
      assert.deepStrictEqual(after, fresh)
      assert.strictEqual(yield* model.version, 3)
    }).pipe(inline, Effect.scoped)
  )

  it.effect.each([
    ["no token", { text: " " }],
    ["no count", { maxTokens: 0 }],
    ["temperature", { temperature: -1 }],
    ['no feature "near"', { matches: { near: ["mug"] } }],
    ["several tokens", { forbidden: ["go take"] }],
    ["can be said", { allowed: ["fly"] }],
    ["can be said", { allowed: [] }]
  ] as const)("refuses a prompt that it cannot honour: %s", ([words, overrides]) =>
    Effect.gen(function* () {
      const model = yield* modelOf(trainableOf(10))
      const error = yield* Effect.flip(model.generate([prompt(), prompt(overrides)]))
      assert.deepInclude({ ...error }, { reason: "BadRequest", model: "small" })
      assert.include(error.message, words)
    }).pipe(inline, Effect.scoped)
  )

  it.effect.each([{}, { allowed: ["look in shelf 1"] }, { temperature: 0 }])(
    "fails where the network gives no numbers: %j",
    (overrides) =>
      Effect.gen(function* () {
        const trainable = trainableOf(12)
        trainable.parameters.arrays["layers.0.query"]?.fill(Number.NaN)
        const model = yield* modelOf(trainable)
        const error = yield* Effect.flip(model.generate([prompt(overrides)]))
        assert.instanceOf(error, LanguageModel.LanguageModelError)
        assert.strictEqual(error.reason, "BadResponse")
      }).pipe(inline, Effect.scoped)
  )

  it.effect("of nothing is nothing", () =>
    Effect.gen(function* () {
      const model = yield* modelOf(trainableOf(13))
      assert.deepStrictEqual(yield* model.generate([]), [])
    }).pipe(inline, Effect.scoped)
  )

  it.effect("shares the parts of a numbered entity with its kind", () =>
    Effect.gen(function* () {
      const random = Seed.generator(1)
      const features = Rows.sparseFeatures(tokenizer, ["goal", "seen"], { goal: ["mug"] })
      const named = features.map((place) => tokenizer.vocabulary[Math.floor(place / 2)])
      assert.deepStrictEqual(named, ["mug", "mug 1", "mug 2"])
      const model = yield* modelOf(trainableOf(14))
      const [completion] = yield* model.generate([
        prompt({ text: textOf(random, 4), matches: { goal: ["mug"] } })
      ])
      assert.deepStrictEqual(completion?.features, features)
    }).pipe(inline, Effect.scoped)
  )
})
