/**
 * What a run of a tiny graph costs in the caller's thread and in a worker:
 * node --conditions=source bench/Session.bench.ts. It prints microseconds per run.
 */
import * as Effect from "effect/Effect"
import { Op, Parameters, Session } from "../src/index.ts"
import * as Decoder from "../test/Decoder.ts"

const size = { layers: 2, width: 64, heads: 4, hidden: 256, vocabulary: 160, batch: 1, length: 8 }

const microseconds = Effect.fnUntraced(function* (
  run: Effect.Effect<unknown, Session.SessionError>
) {
  const runs = 2000
  for (let index = 0; index < 300; index++) yield* run
  const start = performance.now()
  for (let index = 0; index < runs; index++) yield* run
  return Math.round(((performance.now() - start) / runs) * 1000)
})

const program = Effect.gen(function* () {
  const pool = yield* Session.SessionPool
  const specifications = Decoder.specifications(size)
  const { arrays } = Parameters.make(specifications, Decoder.randomOf(1))
  const ids = Op.input("ids", [1, size.length], "int64")
  const values = Decoder.logits(size, Parameters.inputs(specifications), ids)
  const feed = { ids: Decoder.ids(size, Decoder.randomOf(2)) }
  const x = Op.input("x", [4])
  const tiny = yield* pool.compile({ y: Op.add(x, 1) })
  const fed = yield* pool.compile({ values })
  const bound = yield* pool.compile({ values }, { bind: arrays })
  return {
    tiny: yield* microseconds(tiny.run({ x: new Float32Array(4) })),
    decoderFed: yield* microseconds(fed.run({ ...feed, ...arrays })),
    decoderBound: yield* microseconds(bound.run(feed))
  }
})

const layers = { inline: Session.layerInline, worker: Session.layer({ workers: 1 }) }

for (const [name, pool] of Object.entries(layers)) {
  const result = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(pool)))
  process.stdout.write(`${name} ${JSON.stringify(result)}\n`)
}
