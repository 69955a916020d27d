import { Session, TrainStep, Optimizer, Op, Schedule, Value } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import { Loss, Sft } from "../src/index.ts"
import * as W from "./workload.ts"
const [threads, n] = process.argv.slice(2).map(Number)
const med = (xs: number[]) => xs.toSorted((a, b) => a - b)[xs.length >> 1]!
const p = Effect.gen(function* () {
  const trainable = W.trainableOf(false)
  const sizes = { batch: 64, prompt: 64, read: 24 }
  const rows = W.rowsOf(64, { prompt: [48, 64], read: [16, 24] }, { choices: false, key: 1 })
  const optimizer = Sft.optimizerOf({ muonFactor: 10, weightDecay: 0.05 })
  const state = TrainStep.begin(trainable.parameters, optimizer)
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const { logitsBKV } = Decoder.forward(trainable.network, parameters, sizes)
  const loss = Loss.crossEntropy(
    logitsBKV,
    Op.input("target", [64, 24], "int64"),
    Op.input("weight", [64, 24])
  )
  const t0 = performance.now()
  const def = { loss, parameters, optimizer, maxGradNorm: 1, outputs: {} }
  console.log("nodes", Value.inOrder(Object.values(TrainStep.graph(def))).length)
  const step = yield* TrainStep.make(def, state)
  console.log("compile", (performance.now() - t0).toFixed(0))
  const ct: number[] = [],
    st: number[] = [],
    cpu: number[] = []
  for (let i = 0; i < n!; i++) {
    const a = performance.now()
    const feeds = Rows.collate(trainable.network, rows, sizes)
    const b = performance.now()
    const c0 = process.cpuUsage()
    yield* step(feeds, 1e-3)
    const c = performance.now()
    const c1 = process.cpuUsage(c0)
    ct.push(b - a)
    st.push(c - b)
    cpu.push((c1.user + c1.system) / 1000)
  }
  console.log(
    "collate",
    med(ct).toFixed(1),
    "step",
    med(st).toFixed(1),
    "best",
    Math.min(...st).toFixed(1),
    "cpu",
    med(cpu).toFixed(1)
  )
})
await Effect.runPromise(
  p.pipe(
    Effect.scoped,
    Effect.provide(Session.layer({ workers: 1, intraOpNumThreads: threads! }))
  ) as any
)
