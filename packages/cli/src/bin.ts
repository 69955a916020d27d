#!/usr/bin/env node
/**
 * The process behind the command `dreamgym`: its services, its signals, its exit code.
 * What the command does is in `Dreamgym.ts`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Versions } from "@dreamgym/pipeline"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import { main } from "./Dreamgym.ts"
import * as Training from "./Training.ts"

// The first interrupt lets the run save itself; somebody who cannot wait for that sends a second.
process.once("SIGINT", () => process.once("SIGINT", () => process.exit(130)))

const program = Effect.flatMap(Versions.versions, (versions) =>
  main(process.argv.slice(2), versions["dreamgym"] ?? "unknown")
)

NodeRuntime.runMain(
  Effect.provide(program, Layer.provideMerge(Training.layer, NodeServices.layer)),
  {
    teardown: (exit, onExit) =>
      Exit.isSuccess(exit) && typeof exit.value === "number"
        ? onExit(exit.value)
        : Runtime.defaultTeardown(exit, onExit)
  }
)
