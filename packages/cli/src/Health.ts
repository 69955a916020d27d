/**
 * What can be found out about a machine before a run fails on it.
 * It changes nothing: a file that it writes to try a folder is gone afterwards.
 */
import * as os from "node:os"
import * as AlfWorld from "@dreamgym/environment/alfworld/AlfWorld"
import * as ProviderCheck from "@dreamgym/graph/ProviderCheck"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Versions from "@dreamgym/pipeline/Versions"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Settings from "./Settings.ts"

/** `absent`: missing, but only some commands need it. `advice`: what to do, where there is something to do. */
export interface Finding {
  readonly name: string
  readonly state: "ok" | "absent" | "broken"
  readonly found: string
  readonly advice?: string
}

/** What was found: about the machine, and about each execution provider in numbers. */
export interface Health {
  readonly findings: ReadonlyArray<Finding>
  readonly providers: ReadonlyArray<ProviderCheck.Report>
}

/** Every finding; `directory` is where runs would lie. */
export const examine = Effect.fn("Health.examine")(function* (directory: string) {
  const versions = yield* Versions.versions
  const providers = yield* ProviderCheck.reports
  const findings: ReadonlyArray<Finding> = [
    node(versions["node"] ?? ""),
    fine("dreamgym", versions["dreamgym"] ?? "unknown"),
    fine("platform", `${os.platform()} ${os.arch()} (${os.release()})`),
    fine("processors", `${os.availableParallelism()} (${os.cpus()[0]?.model.trim() ?? "unknown"})`),
    memory(os.totalmem(), os.freemem()),
    yield* runs(directory),
    yield* games,
    fine("onnxruntime-node", versions["onnxruntime-node"] ?? "unknown"),
    ...providers.map(provider)
  ]
  return { findings, providers } satisfies Health
})

const fine = (name: string, found: string): Finding => ({ name, state: "ok", found })

/** Node 22.19 is the first that this code runs on. */
const node = (version: string): Finding => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > 22 || (major === 22 && minor >= 19)
    ? fine("node", version)
    : {
        name: "node",
        state: "broken",
        found: version,
        advice: "node 22.19 or newer is needed: https://nodejs.org"
      }
}

const gibibyte = 2 ** 30

/** The default run stays well below one gibibyte. */
const memory = (total: number, free: number): Finding => {
  const found = `${(total / gibibyte).toFixed(1)} GiB, ${(free / gibibyte).toFixed(1)} GiB free`
  return free >= gibibyte
    ? fine("memory", found)
    : { name: "memory", state: "ok", found, advice: "less than 1 GiB is free: a run may be slow" }
}

/** Tries the folder itself, or the nearest one above it that is there. */
const runs = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const wanted = path.resolve(directory)
  let folder = wanted
  while (!(yield* fileSystem.exists(folder).pipe(Effect.orElseSucceed(() => true)))) {
    folder = path.dirname(folder)
  }
  return yield* fileSystem.makeTempDirectoryScoped({ directory: folder, prefix: ".doctor-" }).pipe(
    Effect.scoped,
    Effect.match({
      onSuccess: () => fine("runs", `${wanted} can be written`),
      onFailure: (error): Finding => ({
        name: "runs",
        state: "broken",
        found: `${folder} cannot be written (${error.reason._tag})`,
        advice: "change its permissions, or choose another folder with --set run.directory=PATH"
      })
    })
  )
})

const games = Effect.gen(function* () {
  const folder = yield* Settings.alfworldData
  if (folder === undefined) {
    return {
      name: "ALFWorld",
      state: "absent" as const,
      found: "ALFWORLD_DATA is not set",
      advice: "only the preset alfworld and `env replay` need its games"
    }
  }
  return yield* Effect.forEach(["train", "valid_seen"] as const, (split) =>
    AlfWorld.tasks({ dataFolder: folder, split })
  ).pipe(
    Effect.match({
      onSuccess: (splits) =>
        fine("ALFWorld", `${ReportText.amount(splits.flat().length)} games in ${folder}`),
      onFailure: (error): Finding => ({
        name: "ALFWorld",
        state: "broken",
        found: error.message,
        advice: "set ALFWORLD_DATA to the folder that holds json_2.1.1, or unset it"
      })
    })
  )
})

/** More than float32 rounding; what is less exact must not train. */
const tolerance = 1e-4

/** What would make a provider exact that is not. */
const inexact: Readonly<Record<string, string>> = {
  cuda: "set NVIDIA_TF32_OVERRIDE=0: CUDA rounds products to 10 bits unless it is told not to"
}

/** One execution provider. Only the CPU must run; but what runs must be right. */
export const provider = (report: ProviderCheck.Report): Finding => {
  const name = `provider ${report.provider}`
  if (!report.runs) {
    const state = report.provider === "cpu" ? "broken" : "absent"
    const found = `${report.isBundled ? "bundled, but" : "not bundled:"} ${report.problem}`
    return { name, state, found, advice: report.remedy }
  }
  const { gigaflops, placement, relativeError, stepsPerSecond } = report
  const ran = Object.entries(placement).map(([executor, count]) => `${count} nodes on ${executor}`)
  const found =
    `${ran.join(", ")}; error ${relativeError.toExponential(1)}, ` +
    `${gigaflops.toFixed(1)} GFLOP/s, ${stepsPerSecond.toFixed(1)} training steps/s`
  if (relativeError <= tolerance) return fine(name, found)
  const advice = inexact[report.provider] ?? "its results are wrong: do not train on it"
  return { name, state: "broken", found, advice }
}
