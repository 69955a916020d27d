/**
 * The flags that set up a run, and the configuration that they mean together with the file and the environment.
 */
import * as Config from "@dreamgym/pipeline/Config"
import * as ConfigError from "@dreamgym/pipeline/ConfigError"
import * as ConfigPresets from "@dreamgym/pipeline/ConfigPresets"
import * as ConfigResolve from "@dreamgym/pipeline/ConfigResolve"
import * as Flag from "effect/cli/Flag"
import * as EffectConfig from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"

export const seed = Flag.Int("seed").pipe(
  Flag.withDescription("All randomness comes from it (default: 1)"),
  Flag.optional
)

/** Flags of every command that needs a configuration. */
export const flags = {
  preset: Flag.Literals("preset", Object.keys(ConfigPresets.presets)).pipe(
    Flag.withDescription(`Named settings to start from (default: ${Config.defaults.preset})`),
    Flag.optional
  ),
  config: Flag.String("config").pipe(
    Flag.withMetavar("FILE.toml"),
    Flag.withDescription("Settings in a file; they win over the preset"),
    Flag.optional
  ),
  seed,
  set: Flag.String("set").pipe(
    Flag.withMetavar("key=value"),
    Flag.withDescription(
      "One setting, such as train.iterations=10; wins over the file; may be repeated. `dreamgym config` lists all"
    ),
    Flag.atLeast(0)
  )
}

/** What those flags give. */
export interface Given {
  readonly preset: Option.Option<string>
  readonly config: Option.Option<string>
  readonly seed: Option.Option<number>
  readonly set: ReadonlyArray<string>
}

const variable = (name: string) =>
  EffectConfig.String(name).pipe(
    Effect.map((value) => (value === "" ? undefined : value)),
    Effect.orElseSucceed(() => undefined)
  )

/** The variable that says where ALFWorld's games are. */
export const alfworldData = variable("ALFWORLD_DATA")

/** The variable that says where tau-bench's databases, tasks and policies are. */
export const tauBenchData = variable("TAU_BENCH_DATA")

/** The configuration that is meant; `more` are flags of the command's own. */
export const resolve = Effect.fn("Settings.resolve")(function* (
  given: Given,
  more: ReadonlyArray<ConfigResolve.Flag> = []
) {
  const data = yield* alfworldData
  const file = Option.isNone(given.config) ? undefined : yield* readFile(given.config.value)
  const flag = (name: string, value: Option.Option<unknown>) =>
    Option.isNone(value) ? [] : [{ flag: `--${name}`, key: name, value: value.value }]
  return yield* Effect.fromResult(
    ConfigResolve.resolve({
      ...(file === undefined ? {} : { file }),
      settings: given.set,
      flags: [...flag("preset", given.preset), ...flag("seed", given.seed), ...more],
      ...(data === undefined ? {} : { alfworldData: data })
    })
  )
})

const readFile = Effect.fnUntraced(function* (path: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* fileSystem.readFileString(path).pipe(
    Effect.mapError(
      (error) =>
        new ConfigError.ConfigError({
          reason: "BadFile",
          source: path,
          key: "",
          message: `${path}: the file of --config cannot be read (${error.reason._tag}); check the path`
        })
    )
  )
  return { path, text }
})
