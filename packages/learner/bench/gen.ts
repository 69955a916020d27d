import { Session } from "@dreamgym/graph"
import { DecoderModel } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as W from "./workload.ts"
const [workers, shards, n, only] = process.argv.slice(2).map(Number)
const med = (xs: number[]) => xs.toSorted((a, b) => a - b)[xs.length >> 1]!
const p = Effect.gen(function* () {
  const models: any = {}
  for (const [name, v] of [
    ["dream", false],
    ["policy", true]
  ] as const) {
    const trainable = W.trainableOf(v)
    models[name] = yield* DecoderModel.make({
      name,
      network: trainable.network,
      parameters: trainable.parameters,
      featureNames: W.featureNames,
      version: Effect.succeed(0),
      shards: shards!
    })
  }
  const texts = W.textsOf(128, [40, 64], 3)
  const allowedTexts = W.textsOf(30, [2, 2], 5)
  const forbidden = W.tokenizer.vocabulary.slice(20, 40)
  const once = W.tokenizer.vocabulary.slice(60, 120)
  const matches = {
    "feature 1": W.tokenizer.vocabulary.slice(70, 90),
    "feature 3": W.tokenizer.vocabulary.slice(80, 95)
  }
  const prompts: any = {
    dream: texts.map((text, i) => ({
      text,
      key: i,
      maxTokens: 24,
      temperature: 1,
      minP: 0.03,
      stop: [W.tokenizer.vocabulary[3 + (i % 3)]!],
      forbidden,
      once,
      matches
    })),
    policy: texts.map((text, i) => ({
      text,
      key: i,
      maxTokens: 8,
      temperature: 1,
      allowed: allowedTexts,
      matches
    }))
  }
  for (const name of only === 1 ? ["dream"] : only === 2 ? ["policy"] : ["dream", "policy"]) {
    const t0 = performance.now()
    let r = yield* models[name].generate(prompts[name])
    const first = performance.now() - t0
    const w: number[] = [],
      c: number[] = []
    for (let i = 0; i < n!; i++) {
      const t = performance.now()
      const c0 = process.cpuUsage()
      yield* models[name].generate(prompts[name])
      const cc = process.cpuUsage(c0)
      w.push(performance.now() - t)
      c.push((cc.user + cc.system) / 1000)
    }
    console.log(
      name,
      "first",
      first.toFixed(0),
      "wall",
      med(w).toFixed(1),
      "best",
      Math.min(...w).toFixed(1),
      "cpu",
      med(c).toFixed(1),
      "cpu best",
      Math.min(...c).toFixed(1),
      "tokens",
      r.reduce((s: number, x: any) => s + x.ids.length, 0)
    )
  }
})
await Effect.runPromise(
  p.pipe(
    Effect.scoped,
    Effect.provide(workers === 0 ? Session.layerInline : Session.layer({ workers: workers! }))
  ) as any
)
