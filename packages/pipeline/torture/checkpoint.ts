/**
 * `npm run torture -- checkpoint`: kills a saver of checkpoints 120 times and says what was lost, as a table.
 * Its exit code is 1 where anything was. `--kills=N` kills N times.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { killed } from "./kills.ts"

const longestMs = 300

/** So many kills in one folder; the next begin with a new one. */
const seriesLength = 20

const series = Effect.fnUntraced(function* (home: string, number: number, kills: number) {
  const directory = join(home, String(number))
  yield* Effect.sync(() => mkdirSync(directory))
  const random = Seed.generator(Seed.key(1, "checkpoint", number))
  return yield* killed({ directory, kills, longestMs, random })
})

const torture = Effect.fn("Torture")(function* (kills: number) {
  const home = mkdtempSync(join(tmpdir(), "dreamgym-torture-"))
  console.log("| series | kills | acknowledged | found | slowest look, ms | findings |")
  console.log("| --- | --- | --- | --- | --- | --- |")
  const findings: Array<string> = []
  for (let number = 0; number * seriesLength < kills; number++) {
    const count = Math.min(seriesLength, kills - number * seriesLength)
    const all = yield* series(home, number, count)
    const found = all.flatMap((kill) => kill.findings)
    findings.push(...found)
    const last = all.at(-1)
    const slowest = Math.round(Math.max(...all.map(({ lookMs }) => lookMs)))
    const cells = [number, all.length, last?.acknowledged, last?.found, slowest, found.length]
    console.log(`| ${cells.join(" | ")} |`)
  }
  for (const finding of new Set(findings)) console.log(finding)
  if (findings.length === 0) rmSync(home, { recursive: true })
  else console.log(`The runs are in ${home}.`)
  return findings.length
})

const { values } = parseArgs({ options: { kills: { type: "string", default: "120" } } })
process.exitCode = (await Effect.runPromise(torture(Number(values.kills)))) === 0 ? 0 : 1
