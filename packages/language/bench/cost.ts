/**
 * How the cost of training and decoding grows: tokens per second against parameters, length and batch.
 * `node --conditions=source packages/language/bench/cost.ts [--quick] [--out docs/engine-cost.json]`
 *
 * Each point is the median of 3 after a warm-up, on one thread; it prints one JSON line per point. It
 * compares with nobody, and draws nothing: that is for `scripts/cost-picture.ts`.
 */
import { Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { machine } from "../../../scripts/figures.ts"
import { Cost } from "../src/transformer/index.ts"
import {
  configOf,
  fewMillion,
  fortyMillion,
  million,
  parametersOf,
  type Size
} from "./engine/size.ts"
import { promptsOf, sayAll, speaking } from "./engine/speaking.ts"
import { median, timed } from "./engine/timing.ts"
import { stepOf } from "./engine/training.ts"

/** One measured place of one curve. */
interface Point {
  readonly work: "training" | "decoding"
  /** What varies along the curve. */
  readonly against: "parameters" | "length" | "batch"
  readonly model: string
  /** Numbers that are learnt. */
  readonly parameters: number
  readonly batch: number
  /** Tokens of each row of training; of each prompt of decoding. */
  readonly length: number
  readonly tokensPerSecond: number
}

type Plan = Pick<Point, "work" | "against"> & { readonly size: Size }

const base = fewMillion
const models: ReadonlyArray<Size> = [
  { ...base, name: "0.3M", width: 64, hidden: 192, vocabulary: 1500 },
  { ...million, batch: base.batch, length: base.length },
  fewMillion,
  { ...base, name: "16M", width: 384, layers: 8, heads: 6, hidden: 1056 },
  fortyMillion
]
const lengths = [64, 128, 256, 512, 1024]
const batches = [1, 2, 4, 8, 16, 32, 64]
const tokensOfStep = 2048
const prompt = { length: 64, newTokens: 128 }

/** Every point: the model's size, the length and the batch vary, one at a time. */
const plans: ReadonlyArray<Plan> = [
  ...models.map((size): Plan => ({ work: "training", against: "parameters", size })),
  ...lengths.map((length): Plan => ({
    work: "training",
    against: "length",
    size: { ...fewMillion, length, batch: tokensOfStep / length }
  })),
  ...batches.map((batch): Plan => ({
    work: "training",
    against: "batch",
    size: { ...fewMillion, length: 128, batch }
  })),
  ...batches.map((batch): Plan => ({
    work: "decoding",
    against: "batch",
    size: { ...fewMillion, length: prompt.length, batch }
  })),
  ...models.map((size): Plan => ({
    work: "decoding",
    against: "parameters",
    size: { ...size, length: prompt.length, batch: 16 }
  }))
]

/** What is timed, loaded, and the tokens that it makes. */
const works = {
  training: (size: Size) =>
    Effect.map(stepOf(size, parametersOf(size), {}), (step) => ({
      run: Effect.asVoid(Effect.orDie(step)),
      tokens: size.batch * size.length
    })),
  decoding: (size: Size) =>
    Effect.map(speaking(size), ({ config, decoding }) => {
      const prompts = promptsOf(size.batch, size.length, config.vocabularySize)
      return {
        run: Effect.asVoid(Effect.orDie(sayAll(decoding, prompts, prompt.newTokens))),
        tokens: size.batch * prompt.newTokens
      }
    })
}

const measured = ({ work, against, size }: Plan, times: number) =>
  Effect.gen(function* () {
    const { run, tokens } = yield* works[work](size)
    yield* run
    const taken: Array<number> = []
    for (let time = 0; time < times; time++) taken.push((yield* timed(run)).milliseconds)
    const point: Point = {
      work,
      against,
      model: size.name,
      parameters: Cost.parameters(configOf(size)),
      batch: size.batch,
      length: size.length,
      tokensPerSecond: Math.round((tokens * 1000) / median(taken))
    }
    console.log(JSON.stringify(point))
    return point
  }).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1 })))

const { values } = parseArgs({
  options: { out: { type: "string" }, quick: { type: "boolean", default: false } }
})
// Quick: what takes long is left out; to see that it works, not to be kept.
const isQuick = ({ size }: Plan) =>
  size.width <= base.width && size.batch * size.length <= tokensOfStep
const wanted = values.quick ? plans.filter(isQuick) : plans
const points: Array<Point> = []
const save = (out: string) => {
  const date = new Date().toISOString()
  const report = { machine: machine(), date, newTokens: prompt.newTokens, points }
  writeFileSync(out, `${JSON.stringify(report, undefined, 1)}\n`)
}
for (const [at, plan] of wanted.entries()) {
  console.error(`${at + 1} of ${wanted.length}: ${plan.work}, ${plan.size.name}`)
  points.push(await Effect.runPromise(measured(plan, values.quick ? 1 : 3)))
  if (values.out !== undefined) save(values.out)
}
