/** `dreamgym serve`: a world, real or dreamt, on a port, for trainers of any language. It trains nothing itself. */
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import * as RunLog from "@dreamgym/pipeline/RunLog"
import * as Versions from "@dreamgym/pipeline/Versions"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Customer from "../Customer.ts"
import * as EnvironmentServer from "../serve/EnvironmentServer.ts"
import * as Manifest from "../serve/Manifest.ts"
import * as World from "../World.ts"
import * as EnvironmentFlags from "./EnvironmentFlags.ts"
import { directory, run } from "./Resume.ts"

const atLeast = (least: number, flag: Flag.Flag<number>) =>
  Flag.filter(
    flag,
    (given) => given >= least,
    (given) => `${given} is too small; it must be at least ${least}`
  )

/** Where and how much is served. */
const place = {
  host: Flag.String("host").pipe(
    Flag.withDescription("Address to listen on; another than loopback lets others play"),
    Flag.withDefault("127.0.0.1")
  ),
  port: Flag.Int("port").pipe(
    Flag.withDescription("Port to listen on; 0 takes a free one"),
    Flag.filter(
      (port) => port >= 0 && port <= 65535,
      (port) => `--port ${port}: give one from 0 to 65535`
    ),
    Flag.withDefault(8000)
  ),
  maxSessions: atLeast(1, Flag.Int("max-sessions")).pipe(
    Flag.withDescription("Sessions at once; a trainer needs at least its group size"),
    Flag.withDefault(256)
  ),
  idle: atLeast(1, Flag.Int("idle")).pipe(
    Flag.withMetavar("seconds"),
    Flag.withDescription("A session that is silent for so long is closed"),
    Flag.withDefault(900)
  ),
  longest: atLeast(1, Flag.Int("max-message")).pipe(
    Flag.withMetavar("MB"),
    Flag.withDescription("A longer message is refused"),
    Flag.withDefault(100)
  ),
  production: Flag.Boolean("production").pipe(
    Flag.withDescription("Without /reset, /step and /state, and the web interface unless --web"),
    Flag.withDefault(false)
  ),
  web: Flag.Boolean("web").pipe(
    Flag.withDescription("The web interface also with --production"),
    Flag.withDefault(false)
  )
}

interface Place {
  readonly host: string
  readonly port: number
  readonly maxSessions: number
  readonly idle: number
  readonly longest: number
  readonly production: boolean
  readonly web: boolean
}

/** Serves a world until it is interrupted. */
const until = Effect.fnUntraced(function* (
  world: World.World,
  { host, idle, longest, maxSessions, port, production, web }: Place
) {
  const versions = yield* Versions.versions
  const hasPage = web || !production
  const { url } = yield* EnvironmentServer.serve({
    world: Effect.succeed(world),
    host,
    port,
    maxSessions,
    longest: longest * megabyte,
    idle: `${idle} seconds`,
    grace: "5 seconds",
    version: versions["dreamgym"] ?? "unknown",
    parts: [...(production ? [] : ["control" as const]), ...(hasPage ? ["web" as const] : [])]
  })
  yield* Console.error(welcome(world.environment.name, url, hasPage))
  return yield* Effect.never
}, Effect.scoped)

const env = Command.make(
  "env",
  {
    environment: Argument.Literals("environment", World.names).pipe(
      Argument.withDescription("Which world")
    ),
    ...EnvironmentFlags.flags,
    ...Customer.flags,
    ...place,
    manifest: Flag.Boolean("openenv-yaml").pipe(
      Flag.withDescription(
        "Print OpenEnv's openenv.yaml for this world and port, and serve nothing"
      ),
      Flag.withDefault(false)
    )
  },
  Effect.fn("Serve.environment")(function* (given) {
    const { environment: name, manifest, port } = given
    if (manifest) return yield* Console.log(Manifest.text({ name, port }))
    const customer = yield* Customer.of(given, name)
    return yield* until(yield* World.worlds[name].open({ ...given, customer }), given)
  })
).pipe(
  Command.withDescription(
    "Serve a world over the OpenEnv protocol (and AgentGym's routes) until interrupted"
  ),
  Command.withExamples([
    { command: "dreamgym serve env household --port 8000", description: "Generated houses" },
    {
      command: "dreamgym serve env alfworld --data ~/alfworld --split train --max-sessions 64",
      description: "ALFWorld's training games, for groups of up to 64"
    }
  ])
)

/** What a real world does not need. */
const loadDreamWorld = Effect.promise(() => import("../DreamWorld.ts"))

const dream = Command.make(
  "dream",
  { run, directory, ...place },
  Effect.fn("Serve.dream")(function* (given) {
    return yield* Effect.gen(function* () {
      const { config } = yield* RunDirectory.RunDirectory
      const DreamWorld = yield* loadDreamWorld
      return yield* DreamWorld.open().pipe(
        Effect.flatMap((world) => until(world, given)),
        Effect.scoped,
        Effect.provide(DreamWorld.layerEngine(config))
      )
    }).pipe(RunLog.typed, Effect.provide(RunDirectory.layerExisting(given.run, given.directory)))
  })
).pipe(
  Command.withDescription(
    "Serve what the experience model of a run dreams, over the same protocol"
  ),
  Command.withExamples([
    {
      command: "dreamgym serve dream household-1 --port 8001",
      description: "The synthetic world of a run, beside the real one"
    }
  ])
)

export const serve = Command.make("serve").pipe(Command.withSubcommands([env, dream]))

const megabyte = 1 << 20

const welcome = (name: string, url: string, hasPage: boolean): string =>
  [
    `${name} is served at ${url} (OpenEnv: ${url.replace("http", "ws")}/ws; AgentGym: ${url}/agentgym)`,
    `${hasPage ? `play by hand: ${url}/web/   ` : ""}protocol: ${url}/docs   stop: Ctrl-C`
  ].join("\n")
