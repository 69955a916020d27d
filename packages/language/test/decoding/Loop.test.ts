import { type Model, Session } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Loop from "../../src/transformer/decoding/Loop.ts"
import * as Past from "../../src/transformer/decoding/Past.ts"
import { Transformer } from "../../src/index.ts"
import { configOf, inline, parametersOf } from "./transformer.ts"

const config = configOf()
const parameters = parametersOf(config, 1)

/** Tokens [J][B] of a run of three rows with an empty cache of one place. */
const run = Effect.fn(function* (
  isMasked: boolean,
  feeds: {
    readonly steps: number
    readonly limit: ReadonlyArray<number>
    readonly stops: ReadonlyArray<number>
  }
) {
  const pool = yield* Session.SessionPool
  const loop: Model.Model = Loop.model({ config, parameters, positions: 16, isMasked })
  const session = yield* pool.load(loop)
  const places = config.keyValueHeads * config.headDimension * 3
  const cache = Past.layersOf(config).flatMap((layer) =>
    Object.values(Past.namesOf(layer)).map((name) => [name, new Float32Array(places)] as const)
  )
  const { tokens } = yield* session.run({
    ...Object.fromEntries(cache),
    places: BigInt64Array.of(1n),
    steps: BigInt64Array.of(BigInt(feeds.steps)),
    isOn: Uint8Array.of(1),
    token: BigInt64Array.of(1n, 2n, 3n),
    length: BigInt64Array.of(0n, 0n, 0n),
    limit: BigInt64Array.from(feeds.limit, BigInt),
    stops: BigInt64Array.from(feeds.stops, BigInt),
    uniforms: new Float32Array(3 * feeds.steps).fill(0.4),
    ...Transformer.Sampler.feedsOf(
      new Array(3).fill(Transformer.Sampler.plain),
      config.vocabularySize
    ),
    ...(isMasked ? { allowed: new Uint8Array(3 * config.vocabularySize).fill(1) } : {})
  })
  const flat = tokens instanceof BigInt64Array ? Array.from(tokens, Number) : []
  return Array.from({ length: flat.length / 3 }, (_, at) => flat.slice(3 * at, 3 * at + 3))
}, Effect.scoped)

describe("Loop", () => {
  it.effect("ends its run when every row has met a stop or its limit, and not before", () =>
    Effect.gen(function* () {
      const all = yield* run(false, { steps: 6, limit: [9, 9, 9], stops: [-1, -1, -1] })
      assert.lengthOf(all, 6)
      const some = yield* run(false, { steps: 6, limit: [1, 3, 2], stops: [-1, -1, -1] })
      assert.deepStrictEqual(some, all.slice(0, 3))
      const column = (row: number) => all.map((step) => step[row] ?? -1)
      // Each row stops at its own stop: the second and the last of these come first at step 4.
      const stops = [column(0)[0] ?? -1, column(1)[3] ?? -1, column(2)[1] ?? -1]
      const last = Math.max(...stops.map((id, row) => column(row).indexOf(id)))
      const stopped = yield* run(false, { steps: 6, limit: [9, 9, 9], stops })
      assert.deepStrictEqual(stopped, all.slice(0, last + 1))
      assert.isBelow(last, 5)
    }).pipe(inline)
  )

  it.effect("says the same where a mask allows everything", () =>
    Effect.gen(function* () {
      const feeds = { steps: 5, limit: [9, 9, 9], stops: [-1, -1, -1] }
      assert.deepStrictEqual(yield* run(true, feeds), yield* run(false, feeds))
    }).pipe(inline)
  )
})
