/**
 * The engine beside what users would pick instead: `npm run bench -- engine`.
 * Training beside PyTorch; decoding beside transformers.js.
 */
import * as Effect from "effect/Effect"
import type { Bench } from "../../../scripts/figures.ts"
import { fewMillion, fortyMillion, million } from "./engine/size.ts"
import { figuresOf } from "./engine/training.ts"

const bench: Bench = () =>
  Effect.all([
    figuresOf(million, 1, 15),
    figuresOf(fewMillion, 1, 7),
    figuresOf(fortyMillion, 1, 5)
  ]).pipe(
    Effect.map((all) => all.flat()),
    Effect.runPromise
  )

export default bench
