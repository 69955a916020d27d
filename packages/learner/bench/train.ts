import { Session, Schedule } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import { PolicyGradient, Sft } from "../src/index.ts"
import * as W from "./workload.ts"
const [workers, threads, n, only] = process.argv.slice(2).map(Number)
const measure = (name: string, count: number, e: Effect.Effect<any, any, any>) =>
  Effect.gen(function* () {
    const c0 = process.cpuUsage()
    const t0 = performance.now()
    const r = yield* e
    const c = process.cpuUsage(c0)
    console.log(
      (process.memoryUsage().rss / 1e6).toFixed(0) + "MB",
      name.padEnd(12),
      "wall/update",
      ((performance.now() - t0) / count).toFixed(1),
      "cpu/update",
      ((c.user + c.system) / 1000 / count).toFixed(1)
    )
    return r
  })
const p = Effect.gen(function* () {
  if (only !== 2) {
    const trainable = W.trainableOf(false)
    const rows = W.rowsOf(
      1500,
      { prompt: [30, 70], read: [8, 28] },
      { choices: false, key: 1 }
    ).map((row) => ({ row }))
    let t = 0,
      seen = 0
    const fit = (updates: number) =>
      Sft.fit(trainable, rows, {
        updates,
        batchSize: 64,
        schedule: Schedule.constant(1e-3),
        muonFactor: 10,
        weightDecay: 0.05,
        maxGradNorm: 1,
        key: 1,
        worker: 0
      })
    yield* measure("sft cold", n!, fit(n!))
    yield* measure("sft 2nd fit", n!, fit(n!))
  }
  if (only !== 1) {
    const policy = W.trainableOf(true)
    const rows = W.rowsOf(1280, { prompt: [24, 72], read: [1, 2] }, { choices: true, key: 2 })
    const decisions: any = rows.map((row, i) => ({
      row,
      oldLogProbability: -2,
      oldValue: 0,
      advantage: (i % 7) - 3,
      totalReturn: i % 2,
      temperature: 1
    }))
    const o: any = {
      clipRatioLow: 0.2,
      clipRatioHigh: 0.2,
      valueClip: 0,
      vfCoef: 0.5,
      entropyCoef: 0.003,
      klLossCoef: 0,
      maxGradNorm: 1,
      lr: () => 1e-4,
      ppoEpochs: 2,
      miniBatchSize: 256,
      targetKl: 0,
      normalizeAdvantages: true,
      seed: 1,
      worker: 0
    }
    const g = yield* PolicyGradient.make(policy, o)
    yield* measure("ppo cold", 10, g.update(decisions))
    for (let i = 0; i < 3; i++) yield* measure("ppo warm", 10, g.update(decisions))
  }
})
await Effect.runPromise(
  p.pipe(
    Effect.scoped,
    Effect.provide(Session.layer({ workers: workers!, intraOpNumThreads: threads! }))
  ) as any
)
