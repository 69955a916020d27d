/**
 * The engine beside what users would pick instead: `npm run bench -- engine`.
 * Training beside PyTorch, decoding beside transformers.js, kept episodes beside those read anew, and memory.
 * Each part also runs alone: `node --conditions=source packages/language/bench/engine/<part>.ts`.
 * It takes more than 10 minutes where others use the machine too; what it has done, it says on standard error.
 */
import * as Effect from "effect/Effect"
import type { Bench } from "../../../scripts/figures.ts"
import * as Decoding from "./engine/decoding.ts"
import * as Episodes from "./engine/episodes.ts"
import * as Memory from "./engine/memory.ts"
import { timed } from "./engine/timing.ts"
import * as Training from "./engine/training.ts"

/** One after the other: what runs together measures each other. */
const parts = {
  training: Training.figures,
  decoding: Decoding.figures,
  episodes: Episodes.figures,
  memory: Memory.figures
}

const bench: Bench = () =>
  Effect.forEach(Object.entries(parts), ([part, figures]) =>
    Effect.map(timed(figures), ({ milliseconds, result }) => {
      console.error(`${part}: taken in ${(milliseconds / 1000).toFixed(0)} s`)
      return result
    })
  ).pipe(
    Effect.map((all) => all.flat()),
    Effect.runPromise
  )

export default bench
