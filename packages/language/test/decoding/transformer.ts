/**
 * Small transformers of noise, and what the training graph says of a text: the oracle of these tests.
 */
import { Seed } from "@dreamgym/domain"
import { Op, Parameters, Session, type Value } from "@dreamgym/graph"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Transformer } from "../../src/index.ts"

const { Config, Network } = Transformer

export const configOf = (overrides: Partial<Transformer.Config.Config> = {}) =>
  Result.getOrThrow(
    Config.make({
      vocabularySize: 40,
      hiddenSize: 16,
      intermediateSize: 24,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      maxPositions: 256,
      ...overrides
    })
  )

/** Noise on every parameter, strong enough that the next token depends on all that came before. */
export const parametersOf = (config: Transformer.Config.Config, key: number) => {
  const parameters = Parameters.make(Network.specifications(config), Seed.generator(key))
  const random = Seed.generator(Seed.key(key, "noise"))
  for (const array of Object.values(parameters.arrays))
    for (let i = 0; i < array.length; i++) array[i] = (array[i] ?? 0) + (random() - 0.5) * 0.8
  return parameters
}

/** Logits [T, V] and values [T] of a whole text, computed at once by the training graph. */
export const recomputed = Effect.fn(function* (
  config: Transformer.Config.Config,
  parameters: Parameters.Parameters,
  ids: ReadonlyArray<number>
) {
  const pool = yield* Session.SessionPool
  const weights = Parameters.inputs(
    Object.fromEntries(Object.entries(parameters.shapes).map(([name, shape]) => [name, { shape }]))
  )
  const hidden = Network.hidden(config, weights, { ids: Op.input("ids", [1, ids.length], "int64") })
  const outputs: { readonly [name: string]: Value.Value } = {
    logits: Network.logits(config, weights, hidden),
    ...(config.hasValue ? { values: Network.values(config, weights, hidden) } : {})
  }
  const bind = Object.fromEntries(
    Object.entries(parameters.arrays).filter(
      ([name]) => config.hasValue || !name.startsWith("value_head")
    )
  )
  const session = yield* pool.compile(outputs, { bind })
  return yield* session.run({ ids: BigInt64Array.from(ids, BigInt) })
}, Effect.scoped)

/** ln of the share of `id` among `choices` at a temperature: the definition. */
export const logProbabilityOf = (
  logits: ArrayLike<number>,
  id: number,
  temperature: number,
  choices: ReadonlyArray<number> = Array.from({ length: logits.length }, (_, at) => at)
): number => {
  const heat = temperature === 0 ? 1 : temperature
  const score = (at: number) => (logits[at] ?? Number.NaN) / heat
  const most = Math.max(...choices.map(score))
  const total = choices.reduce((sum, at) => sum + Math.exp(score(at) - most), 0)
  return score(id) - most - Math.log(total)
}

const nothing = new Float32Array()

/** Each token's log-probability must be what the training graph says of it. */
export const checkAgainst = Effect.fn(function* (
  config: Transformer.Config.Config,
  parameters: ReturnType<typeof parametersOf>,
  before: ReadonlyArray<number>,
  said: Transformer.Decoding.Generated,
  temperature: number
) {
  const { logits = nothing, values = nothing } = yield* recomputed(config, parameters, [
    ...before,
    ...said.ids
  ])
  const size = config.vocabularySize
  for (const [k, id] of said.ids.entries()) {
    const row = logits.subarray((before.length + k - 1) * size, (before.length + k) * size)
    const wanted = logProbabilityOf(row, id, temperature)
    assert.closeTo(said.logProbabilities[k] ?? Number.NaN, wanted, 1e-4, `token ${k}`)
    if (temperature === 0) assert.strictEqual(id, row.indexOf(Math.max(...row)))
  }
  if (config.hasValue)
    assert.closeTo(said.value ?? Number.NaN, values[before.length - 1] ?? Number.NaN, 1e-4)
})

/** Random ids of the vocabulary. */
export const idsOf = (random: () => number, length: number, size = 40): Array<number> =>
  Array.from({ length }, () => Seed.below(random, size))

/** The session's thread is the test's own. */
export const inline = Effect.provide(Session.layerInline)
