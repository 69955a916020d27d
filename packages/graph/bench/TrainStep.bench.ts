/**
 * How long one update of a small decoder takes: node --conditions=source bench/TrainStep.bench.ts
 * [threads] [steps] [inline]. It prints wall milliseconds and claims nothing about learning.
 */
import * as Effect from "effect/Effect"
import { Op, Optimizer, Parameters, Session, TrainStep } from "../src/index.ts"
import * as Decoder from "../test/Decoder.ts"

const [threads = 1, steps = 20] = process.argv.slice(2, 4).map(Number)
const size = { layers: 2, width: 64, heads: 4, hidden: 256, vocabulary: 160, batch: 64, length: 64 }

const program = Effect.gen(function* () {
  const random = Decoder.randomOf(1)
  const specifications = Decoder.specifications(size)
  const parameters = Parameters.make(specifications, random)
  const inputs = Parameters.inputs(specifications)
  const ids = Op.input("ids", [size.batch, size.length], "int64")
  const targets = Op.input("targets", [size.batch, size.length], "int64")
  const optimizer = Optimizer.adamW()
  const began = performance.now()
  const step = yield* TrainStep.make(
    {
      loss: Decoder.loss(Decoder.logits(size, inputs, ids), targets),
      outputs: {},
      parameters: inputs,
      optimizer,
      maxGradNorm: 1
    },
    TrainStep.begin(parameters, optimizer)
  )
  const compiled = performance.now() - began
  const feeds = { ids: Decoder.ids(size, random), targets: Decoder.ids(size, random) }
  const times: Array<number> = []
  let last = 0
  for (let index = 0; index < steps; index++) {
    const start = performance.now()
    last = (yield* step(feeds, 1e-3)).loss
    times.push(performance.now() - start)
  }
  const sorted = times.slice(2).toSorted((a, b) => a - b)
  const median = sorted[sorted.length >> 1] ?? 0
  yield* Effect.sync(() =>
    process.stdout.write(
      `${Parameters.count(parameters)} parameters, ${threads} threads: compile ${compiled.toFixed(0)} ms, ` +
        `median ${median.toFixed(1)} ms, best ${sorted[0]?.toFixed(1)} ms, loss ${last.toFixed(6)}, ` +
        `rss ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB\n`
    )
  )
})

const pool =
  process.argv[4] === "inline"
    ? Session.layerInline
    : Session.layer({ workers: 1, intraOpNumThreads: threads })

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(pool)))
