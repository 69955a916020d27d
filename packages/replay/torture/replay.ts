/**
 * `npm run torture -- replay`: kills the writer of a buffer's database 200 times and says what was lost, as a table.
 * Its exit code is 1 where anything was. `--kills=N` kills N times.
 */
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { killed, type Kill } from "./kills.ts"
import { works } from "./world.ts"

const longestMs = 250

const rowOf = (kills: ReadonlyArray<Kill>, work: string): string => {
  const findings = kills.flatMap((kill) => kill.findings)
  const last = kills.at(-1)
  const slowest = Math.max(...kills.map(({ openMs }) => openMs))
  const cells = [work, kills.length, last?.acknowledged, last?.kept, Math.round(slowest)]
  return `| ${[...cells, findings.length].join(" | ")} |`
}

const torture = (kills: number) =>
  Effect.gen(function* () {
    const home = mkdtempSync(join(tmpdir(), "dreamgym-torture-"))
    console.log("| work | kills | acknowledged | kept | slowest look, ms | findings |")
    console.log("| --- | --- | --- | --- | --- | --- |")
    const findings: Array<string> = []
    for (const [i, work] of works.entries()) {
      const share = Math.ceil((kills - i) / works.length)
      const random = Seed.generator(Seed.key(1, "torture", i))
      const file = join(home, `${work}.sqlite`)
      const done = yield* killed({ file, work, kills: share, longestMs, random })
      console.log(rowOf(done, work))
      findings.push(...done.flatMap((kill) => kill.findings))
    }
    for (const finding of new Set(findings)) console.log(finding)
    if (findings.length === 0) rmSync(home, { recursive: true })
    else console.log(`The databases are in ${home}.`)
    return findings.length
  })

const { values } = parseArgs({ options: { kills: { type: "string", default: "200" } } })
process.exitCode = (await Effect.runPromise(torture(Number(values.kills)))) === 0 ? 0 : 1
