/** The command with the invented trainer, as a process of its own; its first argument is the pause between two events, in milliseconds. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import { main } from "../src/Dreamgym.ts"
import * as Invented from "./trainer.ts"

const [pause, ...args] = process.argv.slice(2)
const trainer = Invented.layer({ pause: Number(pause) })

NodeRuntime.runMain(
  main(args, "0.1.0").pipe(Effect.provide(Layer.merge(trainer, NodeServices.layer))),
  {
    teardown: (exit, onExit) =>
      Exit.isSuccess(exit) && typeof exit.value === "number"
        ? onExit(exit.value)
        : Runtime.defaultTeardown(exit, onExit)
  }
)
