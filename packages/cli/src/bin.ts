#!/usr/bin/env node
/**
 * The process behind the command `dreamgym`: its services, its signals, its exit code.
 * What the command does is in `Dreamgym.ts`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Versions from "@dreamgym/pipeline/Versions"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import { main } from "./Dreamgym.ts"
import * as Training from "./Training.ts"

// The first interrupt lets the run save itself; somebody who cannot wait for that sends a second.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143]
] as const) {
  process.once(signal, () => process.once(signal, () => process.exit(code)))
}

/** A server has no end of its own: one that was told to stop has done its work. */
const isServing = process.argv.slice(2).find((arg) => !arg.startsWith("-")) === "serve"

const program = Effect.flatMap(Versions.versions, (versions) =>
  main(process.argv.slice(2), versions["dreamgym"] ?? "unknown")
)

NodeRuntime.runMain(
  Effect.provide(program, Layer.provideMerge(Training.layer, NodeServices.layer)),
  {
    teardown: (exit, onExit) => {
      if (Exit.isSuccess(exit) && typeof exit.value === "number") return onExit(exit.value)
      if (isServing && Exit.hasInterrupts(exit)) return onExit(0)
      return Runtime.defaultTeardown(exit, onExit)
    }
  }
)
