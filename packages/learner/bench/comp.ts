import { Op, Value, Onnx, Gradient } from "@dreamgym/graph"
import { Decoder, DecoderModel } from "@dreamgym/language"
import { Loss } from "../src/index.ts"
import * as W from "./workload.ts"
import * as ort from "onnxruntime-node"
const trainable = W.trainableOf(false)
const parameters = DecoderModel.weightsOf(trainable.parameters)
const cpu = () => {
  const c = process.cpuUsage()
  return (c.user + c.system) / 1000
}
for (const level of ["all", "basic", "disabled", "all", "basic", "disabled"]) {
  const t: number[] = []
  for (let i = 0; i < 5; i++) {
    const sizes = { batch: 32, prompt: 64, read: 24 }
    const a = cpu()
    const { logitsBKV } = Decoder.forward(trainable.network, parameters, sizes)
    const loss = Loss.crossEntropy(
      logitsBKV,
      Op.input("target", [32, 24], "int64"),
      Op.input("weight", [32, 24])
    )
    const grads = Gradient.gradients(loss, Object.values(parameters))
    const g = {
      loss: Op.reshape(loss, [1]),
      ...Object.fromEntries(Object.keys(parameters).map((k, i) => ["g/" + k, grads[i]!]))
    }
    const b = cpu()
    const bytes = Onnx.encode(g)
    const c = cpu()
    const s = await ort.InferenceSession.create(bytes, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: level as any
    })
    const d = cpu()
    t.push(b - a, c - b, d - c)
    if (i === 4)
      console.log(
        level,
        bytes.length,
        "build",
        (b - a).toFixed(1),
        "encode",
        (c - b).toFixed(1),
        "create",
        (d - c).toFixed(1)
      )
  }
}
