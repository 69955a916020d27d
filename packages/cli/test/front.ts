/** The front door without a process: what it prints and how it ends. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { main } from "../src/Dreamgym.ts"
import * as Invented from "./trainer.ts"

export interface Told {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Around {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  readonly failing?: boolean
}

/** Runs the command in this process. */
export const dreamgym = (args: ReadonlyArray<string>, around: Around = {}): Promise<Told> => {
  const out: Array<string> = []
  const err: Array<string> = []
  const write = (to: Array<string>) =>
    Sink.forEach((chunk: string | Uint8Array) => Effect.sync(() => to.push(String(chunk))))
  const line =
    (to: Array<string>) =>
    (...said: ReadonlyArray<unknown>) =>
      to.push(`${said.join(" ")}\n`)
  const stdio = Stdio.layerTest({
    stdin: Stream.succeed(new TextEncoder().encode(around.stdin ?? "")),
    stdout: () => write(out),
    stderr: () => write(err)
  })
  const console = Layer.succeed(Console.Console, {
    ...globalThis.console,
    log: line(out),
    error: line(err)
  })
  const services = Layer.mergeAll(
    Layer.merge(NodeServices.layer, stdio),
    console,
    ConfigProvider.layer(ConfigProvider.fromEnvRecord({ ...around.env })),
    Invented.layer({ pause: 0, failing: around.failing ?? false })
  )
  return Effect.runPromise(
    main(args, "0.1.0").pipe(
      Effect.provide(services),
      Effect.map((code) => ({ code, out: out.join(""), err: err.join("") }))
    )
  )
}
