import { TrainStep, Op, Value, Onnx, Optimizer } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows } from "@dreamgym/language"
import { Loss, Sft } from "../src/index.ts"
import * as PolicyGraph from "../src/PolicyGraph.ts"
import * as W from "./workload.ts"
import * as ort from "onnxruntime-node"
import { readFileSync, readdirSync } from "node:fs"
const which = process.argv[2]
const optimizer = Sft.optimizerOf({ weightDecay: 0.05 })
let trainable: any, feeds: any, def: any
if (which === "sft") {
  trainable = W.trainableOf(false)
  const sizes = { batch: 64, prompt: 64, read: 24 }
  const rows = W.rowsOf(64, { prompt: [48, 64], read: [16, 24] }, { choices: false, key: 1 })
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const { logitsBKV } = Decoder.forward(trainable.network, parameters, sizes)
  const loss = Loss.crossEntropy(
    logitsBKV,
    Op.input("target", [64, 24], "int64"),
    Op.input("weight", [64, 24])
  )
  feeds = Rows.collate(trainable.network, rows, sizes)
  def = { loss, parameters, optimizer, maxGradNorm: 1, outputs: {} }
} else {
  trainable = W.trainableOf(true)
  const sizes = { batch: 256, prompt: 64, read: 2 }
  const rows = W.rowsOf(256, { prompt: [32, 64], read: [1, 2] }, { choices: true, key: 1 })
  const o = {
    clipRatioLow: 0.2,
    clipRatioHigh: 0.2,
    valueClip: 0,
    vfCoef: 0.5,
    entropyCoef: 0.003,
    klLossCoef: 0,
    maxGradNorm: 1
  }
  def = PolicyGraph.definition(trainable, optimizer, o, sizes)
  const ds: any = rows.map((row) => ({ row, temperature: 1 }))
  const col = () => Float32Array.from({ length: 256 }, () => Math.random() - 0.5)
  feeds = {
    ...PolicyGraph.feedsOf(trainable.network, ds, sizes),
    row: col().fill(1),
    advantage: col(),
    return: col(),
    oldValue: col(),
    oldLogProbability: col()
  }
}
const graph = TrainStep.graph(def)
const names = new Map(Value.inputsOf(Object.values(graph)).map((x) => [x.attributes.name, x]))
const state = TrainStep.begin(trainable.parameters, optimizer)
const all: any = {
  ...feeds,
  ...trainable.parameters.arrays,
  learningRate: Float32Array.of(1e-3),
  ...Object.fromEntries(Object.entries(state.state.arrays).map(([k, v]) => ["state/" + k, v]))
}
const tensors: any = {}
for (const [n, node] of names)
  tensors[n] = new ort.Tensor(node.type as any, all[n], [...node.shape])
const s = await ort.InferenceSession.create(Onnx.encode(graph), {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableProfiling: true,
  profileFilePrefix: "/tmp/ortprof",
  ...JSON.parse(process.argv[3] ?? "{}")
})
const times: number[] = []
for (let i = 0; i < 12; i++) {
  const c0 = process.cpuUsage()
  await s.run(tensors)
  const c = process.cpuUsage(c0)
  times.push((c.user + c.system) / 1000)
}
console.log("cpu", times.map((x) => x.toFixed(0)).join(" "))
s.endProfiling()
const file = readdirSync("/tmp")
  .filter((f) => f.startsWith("ortprof"))
  .map((f) => "/tmp/" + f)
  .sort()
  .at(-1)!
const ev = JSON.parse(readFileSync(file, "utf8"))
const per = new Map<string, { op: string; key: string; durs: number[] }>()
for (const e of ev)
  if (e.cat === "Node" && e.name.endsWith("_kernel_time")) {
    const sh = (x: any) => JSON.stringify((x ?? []).map((y: any) => Object.values(y)[0]))
    const r = per.get(e.name) ?? {
      op: e.args.op_name,
      key: e.args.op_name + " " + sh(e.args.input_type_shape) + "->" + sh(e.args.output_type_shape),
      durs: []
    }
    r.durs.push(e.dur / 1000)
    per.set(e.name, r)
  }
const byOp = new Map<string, [number, number]>(),
  byKey = new Map<string, [number, number]>()
let tot = 0
for (const r of per.values()) {
  const d = r.durs.toSorted((a, b) => a - b)[Math.floor(r.durs.length / 4)]!
  tot += d
  for (const [m, k] of [
    [byOp, r.op],
    [byKey, r.key]
  ] as const) {
    const o = m.get(k) ?? [0, 0]
    o[0] += d
    o[1]++
    m.set(k, o)
  }
}
console.log("kernel ms (lower quartile per node)", tot.toFixed(1))
for (const [k, v] of [...byOp].sort((a, b) => b[1][0] - a[1][0]).slice(0, 16))
  console.log(k.padEnd(34), v[0].toFixed(2), v[1])
console.log("--")
for (const [k, v] of [...byKey].sort((a, b) => b[1][0] - a[1][0]).slice(0, 30))
  console.log(v[0].toFixed(2), "x" + v[1], k)
