/**
 * A wave of replies as a dream asks for them, decoded beside the sessions and, for comparison, from the caller: the same program,
 * but every token is a message to its thread and one back.
 * The network is drawn, not trained, so replies end where they must.
 */
import { Seed, type LanguageModel } from "@dreamgym/domain"
import { Program, Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import { Decoder, DecoderModel, Tokenizer, Trainable } from "../src/index.ts"
import * as ShardProgram from "../src/ShardProgram.ts"

/** One wave, in milliseconds: of the wall, of all processors, and while the caller's thread was busy. */
export interface Taken {
  readonly wall: number
  readonly processor: number
  readonly caller: number
}

/** The middle of each side's waves, which took turns. */
export interface Sides {
  readonly beside: Taken
  readonly fromCaller: Taken
}

const replies = 128
const rounds = 9
const words = Array.from({ length: 112 }, (_, place) => `word${place}`)
const tokenizer = Tokenizer.make(words)

/** Sizes of the household's dreams. */
const wave = (key: number): ReadonlyArray<LanguageModel.Prompt> => {
  const random = Seed.generator(key)
  const some = (count: number) =>
    Array.from({ length: count }, () => words[Seed.below(random, words.length)] ?? "")
  return Array.from({ length: replies }, (_, at) => ({
    text: some(60 + Seed.below(random, 60)).join(" "),
    key: Seed.key(key, "reply", at),
    maxTokens: 16 + Seed.below(random, 16),
    temperature: 1,
    minP: 0.03,
    forbidden: some(30),
    once: some(20),
    matches: { goal: some(3), place: some(3) }
  }))
}

type Pool = Session.SessionPool["Service"]

/** The same pool, but its programs run in the caller's thread, and only their runs are sent. */
const sending = (pool: Pool): Pool => ({
  ...pool,
  perform: (reference, input, { open, sessions }) =>
    Effect.gen(function* () {
      const known = new Map(Object.entries(sessions))
      const byNumber = new Map(Object.values(sessions).map((one) => [one.number, one]))
      const program = ShardProgram.start(input as ShardProgram.Input)
      let next = program.next()
      while (next.done !== true) {
        const step = next.value
        if (step.asks === "session") {
          const session = known.get(Program.keyOf(step.wanted)) ?? (yield* open(step.wanted))
          known.set(Program.keyOf(step.wanted), session)
          byNumber.set(session.number, session)
          next = program.next(session.number)
        } else {
          const session = byNumber.get(step.session)
          if (session === undefined) return yield* Effect.die(new Error("no such session"))
          next = program.next(yield* session.run(step.feeds, step.into))
        }
      }
      const { value: result } = next
      return reference.isResult(result) ? result : yield* Effect.die(new Error("no result"))
    })
})

const modelOf = (trainable: Trainable.Trainable) =>
  DecoderModel.make({
    name: "wave",
    network: trainable.network,
    parameters: trainable.parameters,
    featureNames: ["goal", "place", "held", "open"],
    version: Effect.succeed(0),
    shards: 2
  })

const taken = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>) {
  const [began, used, busy] = [
    performance.now(),
    process.cpuUsage(),
    performance.eventLoopUtilization()
  ]
  const result = yield* effect
  const { system, user } = process.cpuUsage(used)
  const wall = performance.now() - began
  const caller = performance.eventLoopUtilization(busy).active
  return { result, time: { wall, processor: (system + user) / 1000, caller } }
})

const middle = (times: ReadonlyArray<Taken>): Taken => {
  const of = (what: keyof Taken) =>
    times.map((time) => time[what]).toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN
  return { wall: of("wall"), processor: of("processor"), caller: of("caller") }
}

/** Waves of 128 replies in two threads. Fails where the two sides do not say the same. */
export const sides = Effect.gen(function* () {
  const pool = yield* Session.SessionPool
  const trainable = Trainable.make({ tokenizer, config: Decoder.small(4, false) }, 1)
  // As sure of its words as one that has learnt: few may follow.
  trainable.parameters.arrays["logit.scale"]?.fill(Math.log(4))
  const beside = yield* modelOf(trainable)
  const from = yield* Effect.provideService(modelOf(trainable), Session.SessionPool, sending(pool))
  const prompts = wave(1)
  const times: { readonly [side in keyof Sides]: Array<Taken> } = { beside: [], fromCaller: [] }
  for (let round = 0; round <= rounds; round++) {
    const a = yield* taken(beside.generate(prompts))
    const b = yield* taken(from.generate(prompts))
    if (JSON.stringify(a.result) !== JSON.stringify(b.result))
      return yield* Effect.die(new Error("the two ways of decoding do not say the same"))
    // The first round compiles.
    if (round === 0) continue
    times.beside.push(a.time)
    times.fromCaller.push(b.time)
  }
  return { beside: middle(times.beside), fromCaller: middle(times.fromCaller) } satisfies Sides
}).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 2 })))
