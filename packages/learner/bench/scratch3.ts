import { Session, TrainStep, Optimizer, Op, Value, Gradient } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import { Loss, Sft } from "../src/index.ts"
import * as W from "./workload.ts"
const n = 20
const med = (xs: number[]) => xs.toSorted((a, b) => a - b)[xs.length >> 1]!
const p = Effect.gen(function* () {
  const trainable = W.trainableOf(false)
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const pool = yield* Session.SessionPool
  const bind = trainable.parameters.arrays
  const bound = (g: any) => {
    const ns = new Set(Value.inputsOf(Object.values(g) as any).map((x) => x.attributes.name))
    return Object.fromEntries(Object.entries(bind).filter(([k]) => ns.has(k)))
  }
  const make = (batch: number, worker: number) =>
    Effect.gen(function* () {
      const sizes = { batch, prompt: 64, read: 24 }
      const rows = W.rowsOf(batch, { prompt: [48, 64], read: [16, 24] }, { choices: false, key: 1 })
      const { logitsBKV } = Decoder.forward(trainable.network, parameters, sizes)
      const loss = Loss.crossEntropy(
        logitsBKV,
        Op.input("target", [batch, 24], "int64"),
        Op.input("weight", [batch, 24])
      )
      const grads = Gradient.gradients(loss, Object.values(parameters))
      const g = {
        loss: Op.reshape(loss, [1]),
        ...Object.fromEntries(Object.keys(parameters).map((k, i) => ["g/" + k, grads[i]!]))
      }
      const s = yield* pool.compile(g, { bind: bound(g), worker })
      const feeds = Rows.collate(trainable.network, rows, sizes)
      return s.run(feeds)
    })
  const whole = yield* make(64, 0)
  const halves = [yield* make(32, 0), yield* make(32, 1)]
  const a: number[] = [],
    b: number[] = []
  for (let i = 0; i < n; i++) {
    let t = performance.now()
    yield* whole
    a.push(performance.now() - t)
    t = performance.now()
    yield* Effect.all(halves, { concurrency: "unbounded" })
    b.push(performance.now() - t)
  }
  console.log(
    "whole",
    med(a).toFixed(1),
    "best",
    Math.min(...a).toFixed(1),
    "halves",
    med(b).toFixed(1),
    "best",
    Math.min(...b).toFixed(1)
  )
})
await Effect.runPromise(
  p.pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 2, intraOpNumThreads: 1 }))) as any
)
