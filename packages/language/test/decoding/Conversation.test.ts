import { Seed } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Transformer } from "../../src/index.ts"
import {
  configOf,
  idsOf,
  inline,
  logProbabilityOf,
  parametersOf,
  recomputed
} from "./transformer.ts"

const { Decoding } = Transformer
type Decoding = Transformer.Decoding.Decoding

const config = configOf()

/** What one turn hears, and how it answers. */
const turnOf = (key: number, turn: number) => {
  const random = Seed.generator(Seed.key(key, "turn", turn))
  return {
    append: idsOf(random, 1 + Seed.below(random, 9)),
    key: Seed.key(key, "say", turn),
    maxTokens: 1 + Seed.below(random, 7),
    sampling: { temperature: turn % 3 === 0 ? 0.7 : 1 }
  }
}

/** A whole episode: what each turn said, and how much it read. */
const episode = Effect.fn(function* (decoding: Decoding, key: number, turns: number) {
  const { generate, ids } = yield* decoding.conversation
  const said = []
  for (let turn = 0; turn < turns; turn++) {
    said.push(yield* generate(turnOf(key, turn)))
    yield* Effect.yieldNow
  }
  return { said, ids: ids() }
}, Effect.scoped)

/** The same, each turn after its whole history as one prompt. */
const readAnew = Effect.fn(function* (decoding: Decoding, key: number, turns: number) {
  const history: Array<number> = []
  const said = []
  for (let turn = 0; turn < turns; turn++) {
    const { append, ...request } = turnOf(key, turn)
    history.push(...append)
    const answer = yield* decoding.generate({ ...request, prompt: history })
    history.push(...answer.ids)
    said.push(answer)
  }
  return { said, ids: history }
})

const idsOfTurns = ({ ids, said }: Effect.Success<ReturnType<typeof episode>>) => ({
  ids,
  said: said.map((one) => [one.ids, one.finish])
})

describe("Conversation", () => {
  it.effect("says what reading everything anew says, and reads only what is new", () =>
    Effect.gen(function* () {
      const parameters = parametersOf(config, 1)
      const decoding = yield* Decoding.make({ config, parameters })
      const wanted = yield* readAnew(decoding, 1, 9)
      const found = yield* episode(decoding, 1, 9)
      assert.deepStrictEqual(idsOfTurns(found), idsOfTurns(wanted))
      let cached = 0
      let length = 0
      for (const [turn, { ids, logProbabilities, read }] of found.said.entries()) {
        const { append, sampling } = turnOf(1, turn)
        length += append.length
        // All but the last token said, which was never an input.
        assert.strictEqual(read, length + ids.length - 1 - cached)
        const { logits = new Float32Array() } = yield* recomputed(config, parameters, found.ids)
        for (const [k, id] of ids.entries()) {
          const row = logits.subarray((length + k - 1) * 40, (length + k) * 40)
          const now = logProbabilityOf(row, id, sampling.temperature)
          assert.closeTo(logProbabilities[k] ?? Number.NaN, now, 1e-4)
        }
        length += ids.length
        cached = length - 1
      }
    }).pipe(inline)
  )

  it.effect(
    "says the same beside others that come and go, with fewer slots than conversations",
    () =>
      Effect.gen(function* () {
        const parameters = parametersOf(config, 2)
        const keys = Array.from({ length: 12 }, (_, key) => key)
        const alone = yield* Decoding.make({ config, parameters })
        const wanted = yield* Effect.forEach(keys, (key) => episode(alone, key, 5))
        for (const sizes of [{ slots: 12 }, { slots: 5, chunk: 3 }, { slots: 1 }]) {
          const decoding = yield* Decoding.make({ config, parameters, ...sizes })
          const found = yield* Effect.forEach(keys, (key) => episode(decoding, key, 5), {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(found.map(idsOfTurns), wanted.map(idsOfTurns))
        }
      }).pipe(inline)
  )

  it.effect("after an edited history reads from the first difference on", () =>
    Effect.gen(function* () {
      const decoding = yield* Decoding.make({ config, parameters: parametersOf(config, 3) })
      const { ids, resume } = yield* decoding.conversation
      const history = idsOf(Seed.generator(5), 30)
      const request = { key: 4, maxTokens: 3 }
      const first = yield* resume({ ...request, history })
      assert.strictEqual(first.read, 32)
      const edited = [...history.slice(0, 20), 9, 8, 7]
      edited[20] = ((history[20] ?? 0) + 1) % 40
      const wanted = yield* decoding.generate({ ...request, prompt: edited })
      const second = yield* resume({ ...request, history: edited })
      assert.deepStrictEqual(second.ids, wanted.ids)
      assert.strictEqual(second.read, 3 + 2)
      assert.deepStrictEqual(ids(), [...edited, ...second.ids])
      // The very same again: its last token must be read once more.
      const again = yield* resume({ ...request, history: edited })
      assert.deepStrictEqual(again.ids, wanted.ids)
      assert.strictEqual(again.read, 1 + 2)
      const extended = yield* resume({ ...request, history: [...edited, ...again.ids, 6, 5] })
      assert.strictEqual(extended.read, 3 + 2)
    }).pipe(Effect.scoped, inline)
  )

  it.effect("is as it was before a request that failed or was taken back", () =>
    Effect.gen(function* () {
      const decoding = yield* Decoding.make({ config, parameters: parametersOf(config, 6) })
      const { generate, ids } = yield* decoding.conversation
      const request = { key: 4, maxTokens: 3 }
      yield* generate({ ...request, append: [1, 2] })
      const before = ids()
      const twin = yield* Decoding.make({ config, parameters: parametersOf(config, 6) })
      const wanted = yield* twin.generate({ ...request, prompt: [...before, 3] })
      yield* Effect.flip(generate({ ...request, append: [99] }))
      assert.deepStrictEqual(ids(), before)
      const fiber = yield* Effect.forkChild(
        generate({ ...request, append: [5, 6, 7], maxTokens: 90 })
      )
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(ids(), before)
      assert.deepStrictEqual((yield* generate({ ...request, append: [3] })).ids, wanted.ids)
    }).pipe(Effect.scoped, inline)
  )

  it.effect("is as it was after a request that was taken back before it was let in", () =>
    Effect.gen(function* () {
      const parameters = parametersOf(config, 10)
      const decoding = yield* Decoding.make({ config, parameters, waiting: 1 })
      const { generate, ids } = yield* decoding.conversation
      const request = { key: 4, maxTokens: 3 }
      yield* generate({ ...request, append: [1, 2] })
      const before = ids()
      const long = yield* Effect.forkChild(
        decoding.generate({ prompt: [1], key: 1, maxTokens: 200 }),
        { startImmediately: true }
      )
      const late = yield* Effect.forkChild(generate({ ...request, append: [5, 6] }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(late)
      assert.deepStrictEqual(ids(), before)
      yield* Fiber.interrupt(long)
      assert.lengthOf((yield* generate({ ...request, append: [5] })).ids, 3)
    }).pipe(Effect.scoped, inline)
  )

  it.live("whose caller goes away makes room for those who wait", () =>
    Effect.gen(function* () {
      const decoding = yield* Decoding.make({
        config,
        parameters: parametersOf(config, 7),
        slots: 2,
        waiting: 4
      })
      const request = { prompt: [1, 2, 3], key: 1 }
      const long = yield* Effect.forEach([1, 2], () =>
        Effect.forkChild(decoding.generate({ ...request, maxTokens: 250, isOver: () => false }), {
          startImmediately: true
        })
      )
      const waiting = yield* Effect.forEach([0, 1, 2, 3, 4], (key) =>
        Effect.forkChild(decoding.generate({ ...request, key, maxTokens: 4 }), {
          startImmediately: true
        })
      )
      yield* Effect.sleep("5 millis")
      yield* Effect.forEach(long, Fiber.interrupt)
      const answers = yield* Effect.forEach(waiting, Fiber.join)
      assert.deepStrictEqual(
        answers.map(({ ids }) => ids.length),
        [4, 4, 4, 4, 4]
      )
    }).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1 })))
  )

  it.live("fails what is not answered when the decoding ends, instead of leaving it waiting", () =>
    Effect.gen(function* () {
      const parameters = parametersOf(config, 8)
      const { decoding, fiber } = yield* Effect.scoped(
        Effect.gen(function* () {
          const decoding = yield* Decoding.make({ config, parameters })
          const ask = decoding.generate({ prompt: [1], key: 1, maxTokens: 200 })
          return {
            decoding,
            fiber: yield* Effect.forkDetach(Effect.flip(ask), { startImmediately: true })
          }
        })
      )
      assert.strictEqual((yield* Fiber.join(fiber)).reason, "EngineFailed")
      const late = yield* Effect.flip(decoding.generate({ prompt: [1], key: 1, maxTokens: 2 }))
      assert.include(late.message, "ended")
    }).pipe(inline)
  )

  it.live("in two threads says the same as in one", () =>
    Effect.gen(function* () {
      const parameters = parametersOf(config, 9)
      const keys = [1, 2, 3, 4, 5]
      const one = yield* Decoding.make({ config, parameters })
      const two = yield* Decoding.make({ config, parameters, workers: 2 })
      const run = (decoding: Decoding) =>
        Effect.forEach(keys, (key) => episode(decoding, key, 3), { concurrency: "unbounded" })
      assert.deepStrictEqual((yield* run(two)).map(idsOfTurns), (yield* run(one)).map(idsOfTurns))
      const none = yield* Decoding.make({ config, parameters, firstWorker: 7 })
      const error = yield* Effect.flip(none.generate({ prompt: [1], key: 1, maxTokens: 1 }))
      assert.deepInclude({ ...error }, { reason: "EngineFailed" })
      assert.include(error.message, "no worker 7")
    }).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 2 })))
  )
})
