/**
 * `npm run torture -- replay`: kills the writer of a buffer's database 200 times and says what was lost, as a table.
 * Its exit code is 1 where anything was. `--kills=N` kills N times, `--work=NAME` at one kind of work only.
 */
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { killed, type Kill } from "./kills.ts"
import { isWork, type Work, works } from "./world.ts"

const longestMs = 400

/** So many kills on one file; the next begin with a new one. */
const seriesLength = 10

/** What series of kills of one kind of work came to. */
const rowOf = (work: string, series: ReadonlyArray<ReadonlyArray<Kill>>): string => {
  const kills = series.flat()
  const total = (of: (kill: Kill) => number) =>
    series.reduce((sum, one) => sum + one.slice(-1).reduce((_, last) => of(last), 0), 0)
  const acknowledged = total((kill) => kill.acknowledged)
  const slowest = Math.round(Math.max(...kills.map(({ openMs }) => openMs)))
  const findings = kills.flatMap((kill) => kill.findings).length
  const cells = [work, kills.length, acknowledged, total((kill) => kill.kept), slowest, findings]
  return `| ${cells.join(" | ")} |`
}

const seriesOf = (home: string, work: Work, kills: number) =>
  Effect.forEach(
    Array.from({ length: Math.ceil(kills / seriesLength) }, (_, i) => i),
    (i) =>
      killed({
        file: join(home, `${work}-${i}.sqlite`),
        work,
        kills: Math.min(seriesLength, kills - i * seriesLength),
        longestMs,
        random: Seed.generator(Seed.key(1, work, i))
      })
  )

const torture = Effect.fn("Torture")(function* (kills: number, chosen: ReadonlyArray<Work>) {
  const home = mkdtempSync(join(tmpdir(), "dreamgym-torture-"))
  console.log("| work | kills | acknowledged | kept | slowest look, ms | findings |")
  console.log("| --- | --- | --- | --- | --- | --- |")
  const share = Math.ceil(kills / chosen.length)
  const all = yield* Effect.forEach(
    chosen,
    (work) =>
      Effect.map(seriesOf(home, work, share), (series) => {
        console.log(rowOf(work, series))
        return series.flat().flatMap((kill) => kill.findings)
      }),
    { concurrency: 2 }
  )
  const findings = all.flat()
  for (const finding of new Set(findings)) console.log(finding)
  if (findings.length === 0) rmSync(home, { recursive: true })
  else console.log(`The databases are in ${home}.`)
  return findings.length
})

const { values } = parseArgs({
  options: { kills: { type: "string", default: "200" }, work: { type: "string", default: "" } }
})
const chosen = isWork(values.work) ? [values.work] : works
process.exitCode = (await Effect.runPromise(torture(Number(values.kills), chosen))) === 0 ? 0 : 1
