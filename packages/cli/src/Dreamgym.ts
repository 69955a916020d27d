/**
 * The command `dreamgym`: its parts, and what becomes of their failures.
 * The process itself (signals, exit) is met in `bin.ts`.
 */
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Failure from "./Failure.ts"
import * as Output from "./Output.ts"
import * as Parts from "./Parts.ts"

const dreamgym = Command.make("dreamgym").pipe(
  Command.withDescription(
    "Train text agents by reinforcement learning in synthesised experience, on ONNX Runtime"
  ),
  Command.withExamples([
    { command: "dreamgym train", description: "Train an agent in a few minutes and see its work" },
    { command: "dreamgym play", description: "Try its tasks yourself" },
    { command: "dreamgym doctor", description: "Check this machine" }
  ])
)

/** Runs the command with these arguments to an exit code. Interruption and defects go on to the caller. */
export const main = (args: ReadonlyArray<string>, version: string) =>
  Parts.forArguments(args).pipe(
    Effect.flatMap((parts) => {
      const command = dreamgym.pipe(
        Command.withSubcommands(parts),
        Command.withGlobalFlags([Output.Json])
      )
      return Command.runWith(command, { version })(args)
    }),
    Effect.as(0),
    Effect.catch((failure) => Failure.report(failure, args.includes("--json"))),
    Effect.provide(Layer.merge(CliOutput.layerPresenter(presenter), Output.layerLog))
  )

/** Help is an answer; wrong usage is a line on stderr, not a page. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.forEach(event.errors, ({ message }) =>
          Console.error(`error: ${message.trim().replaceAll(/\s+/g, " ")}`)
        ).pipe(
          Effect.andThen(Console.error(`see \`${event.commandPath.join(" ")} --help\``)),
          Effect.asVoid
        )
      : CliOutput.defaultPresenter.present(event)
}
