import { Session, TrainStep, Optimizer, Op, Value, Gradient } from "@dreamgym/graph"
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
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const { logitsBKV } = Decoder.forward(trainable.network, parameters, sizes)
  const loss = Loss.crossEntropy(
    logitsBKV,
    Op.input("target", [64, 24], "int64"),
    Op.input("weight", [64, 24])
  )
  const pool = yield* Session.SessionPool
  const feeds = Rows.collate(trainable.network, rows, sizes)
  const bind = trainable.parameters.arrays
  const bound = (g: any) => {
    const ns = new Set(Value.inputsOf(Object.values(g) as any).map((x) => x.attributes.name))
    return Object.fromEntries(Object.entries(bind).filter(([k]) => ns.has(k)))
  }
  const grads = Gradient.gradients(loss, Object.values(parameters))
  const named = (prefix: string) =>
    Object.fromEntries(Object.keys(parameters).map((k, i) => [prefix + k, grads[i]!]))
  const gradGraph = { loss: Op.reshape(loss, [1]), ...named("g/") }
  const graphs: Record<string, any> = {
    forward: { loss: Op.reshape(loss, [1]) },
    gradient: gradGraph
  }
  for (const [name, opt] of [
    ["adam", Optimizer.adamW()],
    ["muon", Sft.optimizerOf({ muonFactor: 10, weightDecay: 0.05 })]
  ] as const) {
    graphs["step " + name] = { optimizer: opt }
  }
  const runs: Record<string, () => Effect.Effect<any, any>> = {}
  for (const [name, g] of Object.entries(graphs)) {
    const t0 = performance.now()
    if (g.optimizer) {
      const state = TrainStep.begin(trainable.parameters, g.optimizer)
      const def = { loss, parameters, optimizer: g.optimizer, maxGradNorm: 1, outputs: {} }
      const nodes = Value.inOrder(Object.values(TrainStep.graph(def))).length
      const step = yield* TrainStep.make(def, state)
      console.log(name, "nodes", nodes, "compile", (performance.now() - t0).toFixed(0))
      runs[name] = () => step(feeds, 1e-4)
    } else {
      const s = yield* pool.compile(g, { bind: bound(g) })
      console.log(
        name,
        "nodes",
        Value.inOrder(Object.values(g) as any).length,
        "compile",
        (performance.now() - t0).toFixed(0)
      )
      runs[name] = () => s.run(feeds)
    }
  }
  const times: Record<string, number[]> = {}
  for (let i = 0; i < n!; i++)
    for (const [name, run] of Object.entries(runs)) {
      const c0 = process.cpuUsage()
      yield* run()
      const c1 = process.cpuUsage(c0)
      ;(times[name] ??= []).push((c1.user + c1.system) / 1000)
    }
  for (const [k, v] of Object.entries(times))
    console.log(k, "cpu ms median", med(v).toFixed(1), "best", Math.min(...v).toFixed(1))
})
await Effect.runPromise(
  p.pipe(
    Effect.scoped,
    Effect.provide(Session.layer({ workers: 1, intraOpNumThreads: threads! }))
  ) as any
)
