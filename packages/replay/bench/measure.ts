/** What the figures of the buffer have in common: clocks, medians, places, and vectors to look for. */
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Figure } from "../../../scripts/figures.ts"

export const dimension = 384

export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Milliseconds. */
export const took = <A, E>(work: Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.map(work, () => performance.now() - began)
  })

/** Fewer is better. */
export const figure = (name: string, unit: string, goal: number, value: number): Figure => ({
  name,
  unit,
  goal,
  higherIsBetter: false,
  value
})

export const rate = (name: string, goal: number, value: number): Figure => ({
  name,
  unit: "1/s",
  goal,
  higherIsBetter: true,
  value
})

export const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-bench-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
)

/** Makes vectors around 2,000 centres, one after the other; what it answers is written over by the next call. */
export const vectors = (seed: number): (() => Float32Array) => {
  const random = Seed.generator(seed)
  const normal = () => random() + random() + random() - 1.5
  const noise = Float32Array.from({ length: 1 << 16 }, normal)
  const centres = Array.from({ length: 2000 }, () =>
    Float32Array.from({ length: dimension }, normal)
  )
  const vector = new Float32Array(dimension)
  return () => {
    const centre = centres[Seed.below(random, centres.length)] ?? vector
    const start = Seed.below(random, noise.length - dimension)
    for (let d = 0; d < dimension; d++) vector[d] = (centre[d] ?? 0) + 0.5 * (noise[start + d] ?? 0)
    return vector
  }
}

/** Of step n: real in 30 of 100, of quality 0.5 or more in half, and of one of 200 tasks. The filter of the figures leaves 15 %. */
export const attributesOf = (n: number) => ({
  isReal: n % 10 < 3,
  quality: ((n * 7919) % 1000) / 1000,
  task: `task-${n % 200}`
})
