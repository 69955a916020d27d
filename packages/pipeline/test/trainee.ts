/** Goes on with the run of its argument until it is done or killed. */
import * as Effect from "effect/Effect"
import { resume } from "./tiny.ts"

const [folder = ""] = process.argv.slice(2)

Effect.runFork(resume(folder))
