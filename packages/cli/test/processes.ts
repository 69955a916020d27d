/** The real command as a process, and an episode played with what it serves: for the tests of serving. */
import { spawn, type ChildProcess } from "node:child_process"
import * as path from "node:path"
import { expect } from "vitest"
import * as Schema from "effect/Schema"
import { ask, type Client } from "./serving.ts"

const program = path.join(import.meta.dirname, "../bin/dreamgym.mjs")
const started = new Set<ChildProcess>()
/** For the end of a file: whatever was left running. */
export const stopAll = () => started.forEach((process) => process.kill("SIGTERM"))

/** How a process ended: by which code, after how long, and what it told. */
export interface Ended {
  readonly code: number | null
  readonly told: string
}

export interface Server {
  readonly url: string
  readonly tell: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Ended>
}

/** The real command, started. */
export const command = (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  started.add(child)
  const told: Array<string> = []
  child.stdout.on("data", (chunk) => told.push(String(chunk)))
  child.stderr.on("data", (chunk) => told.push(String(chunk)))
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => {
      started.delete(child)
      resolve({ code, told: told.join("") })
    })
  })
  return { child, ended, told }
}

/** A served world on a free port, once its health is good. */
export const served = async (...args: ReadonlyArray<string>): Promise<Server> => {
  const { child, ended, told } = command(...args, "--port", "0")
  const announced = () => /http:\/\/\S+?(?= )/.exec(told.join(""))?.[0]
  for (let i = 0; announced() === undefined && child.exitCode === null && i < 1200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const url = announced()
  if (url === undefined) throw new Error(told.join(""))
  expect(await ask(`${url}/health`)).toEqual([200, { status: "healthy" }])
  return { url, tell: (signal) => child.kill(signal), ended }
}

const Observation = Schema.Struct({
  type: Schema.Literal("observation"),
  data: Schema.Struct({
    observation: Schema.Struct({ admissible_commands: Schema.NullOr(Schema.Array(Schema.String)) }),
    reward: Schema.NullOr(Schema.Finite),
    done: Schema.Boolean
  })
})
const shown = Schema.decodeUnknownSync(Observation)

/** Plays whatever stands first among the admissible commands, until the end; how many steps. */
export const play = async (client: Client, seed: number) => {
  let { data } = shown(await client.ask({ type: "reset", data: { seed } }))
  let steps = 0
  while (!data.done) {
    const [text = "look"] = data.observation.admissible_commands ?? []
    data = shown(await client.ask({ type: "step", data: { text } })).data
    steps++
  }
  return steps
}
