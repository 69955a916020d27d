/** Conducts a study with the fake trainer, as a process of its own: arguments are the folder and the trainer's pause in milliseconds. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Conduct from "../src/Conduct.ts"
import { fake, units } from "./small.ts"

const [directory = "", pause = "0"] = process.argv.slice(2)

NodeRuntime.runMain(
  Effect.provide(
    Conduct.conduct(units, {
      directory,
      parallel: 1,
      program: fake(Number(pause)),
      tell: () => Effect.void
    }),
    NodeServices.layer
  )
)
