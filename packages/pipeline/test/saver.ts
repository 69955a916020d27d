/** Saves checkpoint after checkpoint into the folder of its argument, saying each one that was acknowledged, until it is killed. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { save } from "../src/Checkpoint.ts"
import { stateAt } from "./state.ts"

const [directory = "", start = "0"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  for (let iteration = Number(start); ; iteration++) {
    const parameters = new Uint8Array(200_000).fill(iteration)
    const state = new Uint8Array(50_000).fill(iteration + 1)
    yield* save(directory, iteration, { parameters, state }, stateAt(iteration), { keepLast: 3 })
    process.stdout.write(`${iteration}\n`)
  }
})
Effect.runFork(program.pipe(Effect.provide(NodeServices.layer)))
