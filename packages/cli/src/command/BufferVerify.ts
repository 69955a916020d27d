/** `dreamgym replay verify`: reads a whole buffer back and says what is wrong with it. */
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Store from "@dreamgym/replay/store/Store"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Unsuccessful } from "../Failure.ts"
import * as Output from "../Output.ts"
import * as Target from "./BufferTarget.ts"
import { directory } from "./Resume.ts"

export const verify = Command.make(
  "verify",
  { buffer: Target.buffer, directory },
  Effect.fn("BufferVerify.run")(function* (given) {
    const file = yield* Target.locate(given.buffer, given.directory)
    const { findings, trajectories } = yield* Effect.scoped(
      Effect.gen(function* () {
        const store = yield* Store.open({ file, readOnly: true }, () => undefined)
        return { findings: yield* store.verify, trajectories: store.entries().length }
      })
    )
    yield* Output.answer(
      { file, trajectories, findings },
      findings.length === 0
        ? [
            `${file} is sound: ${ReportText.amount(trajectories)} trajectories were read back and are what they say`
          ]
        : [`${file} is damaged:`, ...findings.map((finding) => `  ${finding}`)]
    )
    if (findings.length > 0) return yield* new Unsuccessful({ message: `${file} is damaged` })
  })
).pipe(
  Command.withDescription("Read a whole buffer back and check it; exit code 1 where it is damaged"),
  Command.withExamples([
    { command: "dreamgym replay verify household-1", description: "The buffer of a run" }
  ])
)
