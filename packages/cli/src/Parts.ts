/**
 * The parts of the command `dreamgym`: each is loaded when it is asked for, so that help and version come at once.
 * What a part takes and does is in `command/`; what becomes of its failure is in `Dreamgym.ts`.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"

/** A part as the list of parts shows it, and whole: with its flags, its own parts and its work. */
const part = <const Name extends string, Input, Context, E, R>(
  name: Name,
  description: string,
  load: () => Promise<Command.Command<Name, Input, Context, E, R>>
) => ({
  name,
  listed: Command.make(name).pipe(Command.withDescription(description)),
  whole: Effect.map(Effect.promise(load), Command.withDescription(description))
})

const parts = [
  part("train", "Train an agent in dreams: collect, fit, clone, dream, evaluate", () =>
    import("./command/Train.ts").then(({ train }) => train)
  ),
  part(
    "resume",
    "Go on with a run from its last whole checkpoint; exit code 3 where nothing is left to do",
    () => import("./command/Resume.ts").then(({ resume }) => resume)
  ),
  part("evaluate", "Measure a run's policy in the real world, on held-out tasks", () =>
    import("./command/Evaluate.ts").then(({ evaluate }) => evaluate)
  ),
  part("collect", "Play real episodes with the scripted players and keep them", () =>
    import("./command/Collect.ts").then(({ collect }) => collect)
  ),
  part("play", "Play a task yourself", () => import("./command/Play.ts").then(({ play }) => play)),
  part("env", "Look after the real worlds", () =>
    import("./command/Environments.ts").then(({ env }) => env)
  ),
  part("serve", "Serve worlds to other programs", () =>
    import("./command/Serve.ts").then(({ serve }) => serve)
  ),
  part("replay", "Look into the replay buffer of a run, carry it elsewhere, look after it", () =>
    import("./command/Buffer.ts").then(({ replay }) => replay)
  ),
  part("config", "List everything that can be set, with defaults and meaning", () =>
    import("./command/ConfigTable.ts").then(({ config }) => config)
  ),
  part("model", "Look at models", () =>
    import("./command/ModelSummary.ts").then(({ model }) => model)
  ),
  part("export", "Write a transformer in Hugging Face's layout, with ONNX for JavaScript", () =>
    import("./command/Export.ts").then(({ exportModel }) => exportModel)
  ),
  part(
    "reproduce",
    "Ask the paper's questions again: many runs, intervals, tables and figures",
    () => import("./command/Reproduce.ts").then(({ reproduce }) => reproduce)
  ),
  part("doctor", "Check this machine: node, memory, folders, games and the engine", () =>
    import("./command/Doctor.ts").then(({ doctor }) => doctor)
  )
] as const

/** The command of any part, listed or whole. */
type Part = Effect.Success<(typeof parts)[number]["whole"]> | (typeof parts)[number]["listed"]

/** These look into every part. */
const wanderers = ["--completions", "--wizard"]

/**
 * All parts, in the order of the help. Those whose names stand among the arguments are whole: only they can be run.
 * The others are listed, unless an argument looks into every part.
 */
export const forArguments = Effect.fn("Parts.forArguments")(function* (
  args: ReadonlyArray<string>
) {
  const isEach = args.some((arg) => wanderers.some((wanderer) => arg.startsWith(wanderer)))
  return yield* Effect.forEach(parts, ({ listed, name, whole }): Effect.Effect<Part> =>
    isEach || args.includes(name) ? whole : Effect.succeed(listed)
  )
})
