/**
 * transformers.js saying what follows, from the same weights in its own format: the other side.
 */
import { AutoModelForCausalLM, env, Tensor } from "@huggingface/transformers"
import type { Parameters } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { Transformer } from "../../src/index.ts"
import * as OnnxDecoder from "../../src/transformer/OnnxDecoder.ts"

type Config = Transformer.Config.Config

/** Greedy ids [B][tokens] after prompts of one length, with one thread. */
export type Generate = (
  prompts: ReadonlyArray<ReadonlyArray<number>>,
  tokens: number
) => Promise<ReadonlyArray<ReadonlyArray<number>>>

/** The exported model, loaded by transformers.js; the folder goes with the scope. */
export const load = Effect.fn(function* (config: Config, parameters: Parameters.Parameters) {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(`${tmpdir()}/decoding-`)),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const folder = `${directory}/model`
  mkdirSync(`${folder}/onnx`, { recursive: true })
  const hub = Result.getOrThrow(Transformer.HubConfig.encode(config))
  writeFileSync(`${folder}/config.json`, JSON.stringify(hub))
  writeFileSync(`${folder}/generation_config.json`, "{}")
  writeFileSync(`${folder}/onnx/model.onnx`, OnnxDecoder.encode(config, parameters))
  env.allowRemoteModels = false
  env.localModelPath = `${directory}/`
  const network = yield* Effect.acquireRelease(
    Effect.promise(() =>
      AutoModelForCausalLM.from_pretrained("model", {
        dtype: "fp32",
        device: "cpu",
        session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 }
      })
    ),
    (model) => Effect.promise(() => model.dispose())
  )
  const generate: Generate = async (prompts, tokens) => {
    const shape = [prompts.length, prompts[0]?.length ?? 0]
    const ids = BigInt64Array.from(prompts.flat(), BigInt)
    const output = await network.generate({
      input_ids: new Tensor("int64", ids, shape),
      attention_mask: new Tensor("int64", new BigInt64Array(ids.length).fill(1n), shape),
      max_new_tokens: tokens,
      do_sample: false
    })
    const rows: Array<Array<bigint>> = "tolist" in output ? output.tolist() : []
    return rows.map((row) => row.slice(shape[1]).map(Number))
  }
  return generate
})
