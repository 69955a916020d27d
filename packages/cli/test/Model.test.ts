/** Tests of the commands about models: what they say of each kind, and what they give away. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Model, Onnx, Op, Parameters, Safetensors } from "@dreamgym/graph"
import { Transformer } from "@dreamgym/language"
import { Checkpoint, CheckpointManifest, Config } from "@dreamgym/pipeline"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { dreamgym } from "./front.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "cli-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const at = (...names: ReadonlyArray<string>) => path.join(home, ...names)
const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices>) =>
  Effect.runPromise(Effect.provide(effect, NodeServices.layer))

const config = Result.getOrThrow(
  Transformer.Config.make({
    vocabularySize: 20,
    hiddenSize: 32,
    intermediateSize: 48,
    layers: 1,
    heads: 2,
    headDimension: 16,
    maxPositions: 64
  })
)

/** A transformer's folder, without a tokenizer. */
const transformer = async () => {
  const { parameters } = Transformer.Model.make(config, 1)
  await run(Transformer.Export.write(at("llama"), { config, parameters }, { hasOnnx: false }))
  return parameters
}

const weight = { shape: [2, 3], data: new Float32Array(6) }
const household = Safetensors.encode({
  "embedding.word": weight,
  "previous.word": weight,
  "features.input": { shape: [4], data: new Float32Array(4) }
})

/** A run with one checkpoint, of which `cloned` is what we look at. */
const householdRun = async () => {
  fs.mkdirSync(at("one"))
  const saved = { config: { ...Config.defaults }, versions: {} }
  fs.writeFileSync(at("one", "config.json"), JSON.stringify(saved))
  const files = { "cloned.safetensors": household, "curriculum.json": new Uint8Array(2) }
  await run(Checkpoint.save(at("one"), 3, files, CheckpointManifest.atRest))
}

describe("model summary", () => {
  it("counts a transformer's parameters and operations as its configuration does", async () => {
    await transformer()
    const { code, out } = await dreamgym([
      "model",
      "summary",
      at("llama"),
      "--length",
      "8",
      "--json"
    ])
    const { networks, ...rest } = JSON.parse(out)
    expect([code, rest]).toEqual([
      0,
      {
        path: at("llama"),
        kind: "transformer",
        config: JSON.parse(fs.readFileSync(at("llama", "config.json"), "utf8"))
      }
    ])
    const [{ tensors, ...network }] = networks
    expect([networks.length, network]).toEqual([
      1,
      {
        file: at("llama", "model.safetensors"),
        parameters: Transformer.Cost.parameters(config),
        bytes: 4 * Transformer.Cost.parameters(config),
        flopsPerToken: {
          forward: Transformer.Cost.forward(config, 8),
          training: Transformer.Cost.training(config, 8),
          length: 8,
          cacheBytes: 256
        }
      }
    ])
    expect(tensors).toContainEqual({
      name: "model.embed_tokens.weight",
      type: "float32",
      shape: [20, 32],
      parameters: 640
    })
  })

  it("prints a table of a run's newest checkpoint, whose networks it finds by name", async () => {
    await householdRun()
    const { code, out } = await dreamgym(["model", "summary", "one", "--directory", home])
    expect(code).toBe(0)
    expect(out).toContain(`${at("one")} (run)`)
    expect(out).toContain(at("one", "checkpoints", "step-000003", "cloned.safetensors"))
    expect(out).toMatch(/embedding\.word +\[2, 3\] +6 +37\.5 %/)
    expect(out).toContain("16 parameters, 64 bytes (float32)")
    expect(out).toContain("about 32 operations per token, 96 in training")
  })

  it("gives a run's sizes with --json, and reads a checkpoint or a file of it alike", async () => {
    await householdRun()
    const summaryOf = async (model: string) =>
      JSON.parse((await dreamgym(["model", "summary", model, "--json"])).out)
    const whole = await summaryOf(at("one"))
    const { clone, experience } = Config.defaults
    expect([whole.kind, whole.config]).toEqual(["run", { clone, experience }])
    const folder = at("one", "checkpoints", "step-000003")
    const checkpoint = await summaryOf(folder)
    const file = await summaryOf(path.join(folder, "cloned.safetensors"))
    expect([checkpoint.kind, file.kind]).toEqual(["checkpoint", "file"])
    expect(checkpoint.networks).toEqual(whole.networks)
    expect(file.networks).toEqual(whole.networks)
  })

  it("says what an ONNX file computes with", async () => {
    const table = Op.constant([1, 2, 3, 4], [2, 2])
    const y = Op.softmax(Op.matMul(Op.input("x", [1, 2]), table))
    fs.writeFileSync(at("some.onnx"), Onnx.encode({ y }))
    const { out } = await dreamgym(["model", "summary", at("some.onnx"), "--json"])
    const [{ operators, parameters }] = JSON.parse(out).networks
    expect([operators, parameters]).toEqual([{ Gemm: 1, Softmax: 1 }, 4])
    expect(Object.keys(Model.of({ y }).inputs)).toEqual(["x"])
  })

  const refusals: ReadonlyArray<readonly [string, () => void, string, RegExp]> = [
    ["nothing", () => {}, "ModelError", /there is no model .*this, nor a run of that name/],
    [
      "a folder without weights",
      () => fs.mkdirSync(at("this")),
      "ModelError",
      /holds no \.safetens/
    ],
    [
      "a torn file",
      () => fs.writeFileSync(at("this"), household.subarray(0, household.length - 1)),
      "SafetensorsError",
      /tensor features\.input ends 1 bytes too late/
    ],
    [
      "a file that is far too short for its head",
      () => fs.writeFileSync(at("this"), Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127)),
      "SafetensorsError",
      /needs more than the 8 bytes/
    ],
    [
      "an empty file",
      () => fs.writeFileSync(at("this"), ""),
      "SafetensorsError",
      /needs more than the 0 bytes/
    ]
  ]
  it.each(refusals)("refuses %s with a typed error", async (_, prepare, tag, message) => {
    prepare()
    const { code, err, out } = await dreamgym(["model", "summary", at("this"), "--json"])
    expect([code, JSON.parse(out).error.tag]).toEqual([1, tag])
    expect(err).toMatch(message)
  })
})

describe("export", () => {
  it("writes a transformer's folder, which loads as it was", async () => {
    const { arrays } = await transformer()
    const { code, out } = await dreamgym(["export", at("llama"), "--out", at("mine"), "--json"])
    const { files, out: where } = JSON.parse(out)
    expect([code, where]).toEqual([0, at("mine")])
    expect(files.map(({ file }: { readonly file: string }) => file)).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
      path.join("onnx", "model.onnx")
    ])
    const { parameters } = await run(Transformer.Folder.load(at("mine")))
    expect(parameters.arrays).toEqual(arrays)
    const summary = await dreamgym(["model", "summary", at("mine", "onnx", "model.onnx"), "--json"])
    expect(JSON.parse(summary.out).networks[0].operators).toHaveProperty("GroupQueryAttention", 1)
  })

  it("merges adapters, and leaves the ONNX out where it is told to", async () => {
    await transformer()
    const layer = "model.layers.0.self_attn.q_proj"
    const lora = { rank: 1, alpha: 1, targets: ["q_proj"] }
    const specifications = Transformer.Lora.specifications(config, lora)
    const adapters = Parameters.make(specifications, () => 0.5)
    for (const array of Object.values(adapters.arrays)) array.fill(1)
    await run(Transformer.LoraFiles.write(at("lora"), { lora, parameters: adapters }))
    const args = ["export", at("llama"), "--out", at("mine"), "--adapter", at("lora"), "--no-onnx"]
    const { code, err } = await dreamgym(args)
    expect([code, err]).toEqual([0, ""])
    expect(fs.existsSync(at("mine", "onnx"))).toBe(false)
    const [before, after] = await Promise.all(
      ["llama", "mine"].map((folder) => run(Transformer.Folder.load(at(folder))))
    )
    const weightOf = (of: typeof before) => of?.parameters.arrays[`${layer}.weight`] ?? []
    const grown = Float32Array.from(weightOf(before), (number) => Math.fround(number + 1))
    expect([...weightOf(after)]).toEqual([...grown])
  })

  it("refuses the household's decoder, and says which of its inputs nobody else has", async () => {
    await householdRun()
    const args = ["export", "one", "--directory", home, "--out", at("mine"), "--json"]
    const { code, err, out } = await dreamgym(args)
    expect([code, JSON.parse(out).error.tag]).toEqual([1, "ModelError"])
    expect(err).toContain(
      "cannot be exported: it is the household's own decoder, which reads more than token ids " +
        "(previous.word, features.input): other programs have nothing to feed it with"
    )
    expect(fs.existsSync(at("mine"))).toBe(false)
  })

  it("refuses weights alone, and to write into the model's own folder", async () => {
    await transformer()
    const file = at("llama", "model.safetensors")
    const alone = await dreamgym(["export", file, "--out", at("mine")])
    expect([alone.code, alone.err]).toEqual([1, expect.stringContaining("it has no config.json")])
    const own = await dreamgym(["export", at("llama"), "--out", at("llama")])
    expect([own.code, own.err]).toEqual([2, expect.stringContaining("--out is the model's own")])
  })
})
