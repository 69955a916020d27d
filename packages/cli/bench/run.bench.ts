/**
 * Where the time of a training run goes: `npm run bench -- run`, and `npm run bench -- run --whole` for the default run as `npm start` has it.
 * The run is a process of its own; its threads are looked at from here. On Linux only: elsewhere no thread tells what it has used.
 *
 * Clocks of threads do not see who else works on the machine, so shares of the processor's time hold on a busy one; wall times do not.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import * as path from "node:path"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import { type Phase, sharesOf } from "./run/shares.ts"
import { bound, lines, ownShare } from "./run/table.ts"
import { watch } from "./run/threads.ts"

/** The default run with less of everything; bounds that stop a poor experience model are open. */
const short = {
  "collect.trajectories": 600,
  "experience.updates": 600,
  "clone.minUpdates": 120,
  "clone.maxUpdates": 120,
  "train.iterations": 4,
  "train.minAcceptRate": 0,
  "evaluate.episodes": 64,
  "fidelity.transitions": 200,
  "fidelity.minNextStateExact": 0,
  "fidelity.maxFalseSuccess": 1,
  "calibration.tasks": 64,
  "calibration.minLegitimate": 0,
  "calibration.maxOptimism": 1,
  "calibration.maxMalformed": 1,
  "calibration.maxContradictions": 1
}

const run = "measured"

const settingsOf = (folder: string, whole: boolean) =>
  Object.entries({ ...(whole ? {} : short), "run.directory": path.join(folder, "runs") }).flatMap(
    ([key, value]) => ["--set", `${key}=${value}`]
  )

/** Runs it, and gives what its threads used in any span. */
const watched = async (folder: string, whole: boolean) => {
  const program = path.join(import.meta.dirname, "run/child.ts")
  const args = ["train", "--preset", "household", "--name", run, ...settingsOf(folder, whole)]
  const all = ["--conditions=source", program, folder, ...args]
  const child = spawn(process.execPath, all, { stdio: ["ignore", "ignore", "inherit"] })
  const looking = watch(child.pid ?? 0)
  const [code] = await once(child, "exit")
  if (code !== 0) throw new Error(`the run ended with ${code}`)
  return looking.stop()
}

/** The phases as the run's own log has them, and all of it. */
const phasesIn = (folder: string): ReadonlyArray<Phase> => {
  const told: ReadonlyArray<{
    readonly time: string
    readonly event: { readonly _tag: string; readonly phase: string }
  }> = readFileSync(path.join(folder, "runs", run, "events.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  const times = (tag: string) => told.filter(({ event }) => event._tag === tag)
  const ends = times("PhaseFinished").map(({ time }) => Date.parse(time))
  const phases = times("PhaseStarted").map(({ event, time }, i) => ({
    name: event.phase,
    from: Date.parse(time),
    to: ends[i] ?? Number.NaN
  }))
  const from = phases[0]?.from ?? Number.NaN
  return [...phases, { name: "whole run", from, to: ends.at(-1) ?? Number.NaN }]
}

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"))

const measured = async (folder: string, whole: boolean) => {
  const usedIn = await watched(folder, whole)
  return sharesOf({
    usedIn,
    phases: phasesIn(folder),
    main: read(path.join(folder, "main.json")),
    noted: globSync(path.join(folder, "worker-*.json")).toSorted().map(read)
  })
}

const question = {
  name: "our own share of the processor's time",
  unit: "%",
  goal: 100 * bound,
  higherIsBetter: false
}

const bench: Bench = async ({ whole }) => {
  if (process.platform !== "linux")
    return { figures: [{ ...question, missing: "threads tell what they use on Linux only" }] }
  const folder = mkdtempSync(path.join(tmpdir(), "dreamgym-run-"))
  try {
    const shares = await measured(folder, whole)
    const all = shares.at(-1)
    const value = all === undefined ? Number.NaN : 100 * ownShare(all)
    const minutes = { name: "wall time", unit: "min", goal: 6, higherIsBetter: false }
    const figures: ReadonlyArray<Figure> = [
      { ...question, value },
      ...(whole ? [{ ...minutes, value: (all?.wall ?? Number.NaN) / 60_000 }] : [])
    ]
    return { figures, details: { lines: lines(shares, availableParallelism()), data: shares } }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export default bench
