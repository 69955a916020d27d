/** `dreamgym doctor`: whether this machine can run what the other commands need. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Unsuccessful } from "../Failure.ts"
import * as Health from "../Health.ts"
import * as Output from "../Output.ts"
import { directory } from "./Resume.ts"

const marks: Readonly<Record<Health.Finding["state"], string>> = {
  ok: "ok   ",
  absent: "-    ",
  broken: "FAIL "
}

export const doctor = Command.make(
  "doctor",
  { directory },
  Effect.fn("Doctor.run")(function* (given) {
    const { findings, providers } = yield* Health.examine(given.directory)
    const ok = findings.every(({ state }) => state !== "broken")
    const width = Math.max(...findings.map(({ name }) => name.length))
    const lines = findings.flatMap(({ advice, found, name, state }) => [
      `${marks[state]} ${name.padEnd(width)}  ${found}`,
      ...(advice === undefined ? [] : [`      ${"".padEnd(width)}  ${advice}`])
    ])
    const conclusion = ok ? "This machine is ready." : "This machine is not ready."
    const answer = {
      ok,
      findings: findings.map((finding) => ({ ...finding })),
      providers: providers.map((report) => ({ ...report }))
    }
    yield* Output.answer(answer, [...lines, conclusion])
    if (!ok) return yield* new Unsuccessful({ message: conclusion })
  })
).pipe(
  Command.withExamples([{ command: "dreamgym doctor --json", description: "For a bug report" }])
)
