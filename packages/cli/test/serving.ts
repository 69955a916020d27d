/** A served world and a client that speaks raw frames to it: for the tests of serving. */
import * as net from "node:net"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Ending, Environment, Task } from "@dreamgym/domain"
import { afterEach, expect } from "vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as EnvironmentServer from "../src/serve/EnvironmentServer.ts"
import * as Wire from "../src/serve/Wire.ts"
import * as World from "../src/World.ts"

/** How many episodes of the bell are open now, and how many steps were answered at all. */
export const open = { now: 0, steps: 0 }

const error = (message: string) =>
  new Environment.EnvironmentError({ reason: "Unavailable", environment: "bell", message })

/** A world of one bell: `ring` ends it; `wait` never answers; `fail` fails; `die` dies; `slow` takes 80 ms;
 * `crack` ends it by a fault. */
const bell: Environment.Environment = {
  name: "bell",
  version: "1",
  start: (task) =>
    Effect.gen(function* () {
      if (task.id === "bell/gone") return yield* error("the bell is gone; hang it up again")
      yield* Effect.acquireRelease(
        Effect.sync(() => open.now++),
        () => Effect.sync(() => open.now--)
      )
      const answer = (text: string): Environment.Step => (
        open.steps++,
        {
          observation: text === "long" ? "x".repeat(1 << 20) : `You ${text}. <b>`,
          reward: text === "ring" ? 1 : 0,
          ...(text === "ring" ? { ending: Ending.terminated(true) } : {}),
          ...(text === "crack" ? { ending: Ending.failed("Environment", "it cracked") } : {}),
          provenance: { _tag: "Real", environment: "bell", version: "1" }
        }
      )
      const odd: Readonly<Record<string, Effect.Effect<never, Environment.EnvironmentError>>> = {
        wait: Effect.never,
        fail: error("the clapper is missing; bring one"),
        die: Effect.die(new Error("a crack"))
      }
      const episode: Environment.Episode = {
        observation: "A bell.",
        admissible: Effect.succeed(["ring", "look"]),
        step: ({ text }) =>
          odd[text] ??
          (text === "slow"
            ? Effect.delay(Effect.succeed(answer(text)), 80)
            : Effect.succeed(answer(text)))
      }
      return episode
    })
}

const taskOf = (name: string): Task.Task => ({
  id: `bell/${name}`,
  environment: "bell",
  instruction: `ring the ${name} bell`,
  seed: 0,
  payload: {},
  origin: Task.original
})

export const world = World.ofTasks({
  environment: bell,
  description: "One bell",
  stepLimit: 4,
  tools: [Wire.act],
  tasks: ["small", "large", "gone"].map(taskOf)
})

export interface Serving {
  readonly url: string
  readonly sessions: () => Promise<number>
  readonly close: () => Promise<void>
}

export const serve = async (options: Partial<EnvironmentServer.Options> = {}): Promise<Serving> => {
  const scope = await Effect.runPromise(Scope.make())
  const running = await EnvironmentServer.serve({
    world: Effect.succeed(world),
    host: "127.0.0.1",
    port: 0,
    maxSessions: 2,
    longest: 1 << 16,
    idle: "10 seconds",
    grace: "2 seconds",
    version: "0",
    parts: ["control", "web"],
    ...options
  }).pipe(
    Effect.provideService(Scope.Scope, scope),
    Effect.provide(NodeServices.layer),
    Effect.runPromise
  )
  return {
    url: running.url,
    sessions: () => Effect.runPromise(running.sessions),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/** For a test file: serves one world per test, and after each closes it and sees that no episode was left open. */
export const servedOneByOne = () => {
  let serving: Serving | undefined
  afterEach(async () => {
    await serving?.close()
    serving = undefined
    expect(open.now).toBe(0)
  })
  return async (...options: Parameters<typeof serve>): Promise<Serving> => {
    serving = await serve(...options)
    return serving
  }
}

/** What came from the server: a message, or the code of the close. */
export type Came = { readonly [key: string]: unknown } | { readonly closed: number }

/** A WebSocket whose messages are asked for one by one. */
export class Client {
  readonly socket: WebSocket
  private readonly came: Array<Came> = []
  private readonly waiting: Array<(came: Came) => void> = []

  private constructor(socket: WebSocket) {
    this.socket = socket
    const push = (came: Came) => {
      const waiter = this.waiting.shift()
      if (waiter === undefined) this.came.push(came)
      else waiter(came)
    }
    socket.addEventListener("message", ({ data }) => push(JSON.parse(String(data))))
    socket.addEventListener("close", ({ code }) => push({ closed: code }))
  }

  static connect(url: string, path = "/ws"): Promise<Client> {
    const socket = new WebSocket(url.replace("http", "ws") + path)
    const client = new Client(socket)
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve(client))
      socket.addEventListener("error", () => reject(new Error("no connection")))
    })
  }

  next(): Promise<Came> {
    const came = this.came.shift()
    return came === undefined
      ? new Promise((resolve) => this.waiting.push(resolve))
      : Promise.resolve(came)
  }

  ask(message: unknown): Promise<Came> {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message))
    return this.next()
  }
}

export const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 200; i++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error("it did not become so within two seconds")
}

/** What the bell shows after a step. */
export const shown = (text: string, more: object = {}, observation: object = {}) => ({
  type: "observation",
  data: {
    observation: {
      text,
      instruction: "ring the small bell",
      admissible_commands: ["ring", "look"],
      success: null,
      truncated: false,
      ...observation
    },
    reward: 0,
    done: false,
    ...more
  }
})

/** The status of a request and its JSON. */
export const ask = async (
  url: string,
  body?: unknown,
  method = body === undefined ? "GET" : "POST"
): Promise<[number, unknown]> => {
  const answer = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
  })
  return [answer.status, await answer.json()]
}

/** A client that asks so often for a text of a mebibyte and reads none of the answers. */
export const deaf = (url: string, times: number): net.Socket => {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  )
  const say = (message: object) => {
    const text = Buffer.from(JSON.stringify(message))
    // One text frame, whole and shorter than 126 bytes, with a mask of zeros.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]))
  }
  say({ type: "reset", data: { seed: 0 } })
  for (let i = 0; i < times; i++) say({ type: "step", data: { text: "long" } })
  return socket
}
