import { Value, Onnx } from "@dreamgym/graph"
import { Decoder, DecoderModel } from "@dreamgym/language"
import * as W from "./workload.ts"
import * as ort from "onnxruntime-node"
import { readFileSync, readdirSync } from "node:fs"
const trainable = W.trainableOf(true)
const w = DecoderModel.weightsOf(trainable.parameters)
const graph: any =
  process.argv[2] === "prefill"
    ? Decoder.prefill(trainable.network, w, { batch: 128, prompt: 64, cache: 88 })
    : Decoder.step(trainable.network, w, { batch: 128, cache: 88 })
const tensors: any = {}
for (const node of Value.inputsOf(Object.values(graph))) {
  const n = node.shape.reduce((a, b) => a * b, 1)
  const name = node.attributes.name
  const data =
    trainable.parameters.arrays[name] ??
    (node.type === "int64"
      ? BigInt64Array.from({ length: n }, (_, i) => BigInt(2 + (i % 100)))
      : Float32Array.from({ length: n }, () =>
          name === "valid" || name === "cached" ? 1 : Math.random() - 0.5
        ))
  tensors[name] = new ort.Tensor(node.type as any, data as any, [...node.shape])
}
const s = await ort.InferenceSession.create(Onnx.encode(graph), {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableProfiling: true,
  profileFilePrefix: "/tmp/ortprof"
})
const times: number[] = []
for (let i = 0; i < 30; i++) {
  const c0 = process.cpuUsage()
  await s.run(tensors)
  const c = process.cpuUsage(c0)
  times.push((c.user + c.system) / 1000)
}
console.log("cpu", times.map((x) => x.toFixed(1)).join(" "))
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
const byKey = new Map<string, [number, number]>()
let tot = 0
for (const r of per.values()) {
  const d = r.durs.toSorted((a, b) => a - b)[Math.floor(r.durs.length / 4)]!
  tot += d
  const o = byKey.get(r.key) ?? [0, 0]
  o[0] += d
  o[1]++
  byKey.set(r.key, o)
}
console.log("kernel ms", tot.toFixed(2))
for (const [k, v] of [...byKey].sort((a, b) => b[1][0] - a[1][0]).slice(0, 22))
  console.log(v[0].toFixed(2), "x" + v[1], k)
