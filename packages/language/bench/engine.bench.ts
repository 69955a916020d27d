/**
 * The engine beside what users would pick instead: `npm run bench -- engine`.
 * Training beside PyTorch, decoding beside transformers.js, kept episodes beside those read anew, and memory.
 * Each part also runs alone: `node --conditions=source packages/language/bench/engine/<part>.ts`.
 */
import * as Effect from "effect/Effect"
import type { Bench } from "../../../scripts/figures.ts"
import * as Decoding from "./engine/decoding.ts"
import * as Episodes from "./engine/episodes.ts"
import * as Memory from "./engine/memory.ts"
import * as Training from "./engine/training.ts"

/** One after the other: what runs together measures each other. */
const parts = [Training.figures, Decoding.figures, Episodes.figures, Memory.figures]

const bench: Bench = () =>
  Effect.all(parts).pipe(
    Effect.map((all) => all.flat()),
    Effect.runPromise
  )

export default bench
