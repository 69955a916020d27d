/** Trains a tiny run, or goes on with the one in a folder, until it is done or killed: `train HOME NAME` or `resume FOLDER`. */
import * as Effect from "effect/Effect"
import { configOf, resume, train } from "./tiny.ts"

const [what = "", place = "", name = ""] = process.argv.slice(2)

if (what === "train") Effect.runFork(train(configOf(place, name)))
else Effect.runFork(resume(place))
