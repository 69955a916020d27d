/** The real command as a process: how it starts, is played by others, is misused, and ends. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process"
import * as net from "node:net"
import * as path from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import * as Schema from "effect/Schema"
import { Client, ask, until } from "./serving.ts"

const program = path.join(import.meta.dirname, "../bin/dreamgym.mjs")
const started = new Set<ChildProcess>()
afterAll(() => started.forEach((process) => process.kill("SIGTERM")))

/** How a process ended: by which code, after how long, and what it told. */
interface Ended {
  readonly code: number | null
  readonly told: string
}

interface Server {
  readonly url: string
  readonly tell: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Ended>
}

const command = (...args: ReadonlyArray<string>) => {
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

/** A served household on a free port, once its health is good. */
const serve = async (...args: ReadonlyArray<string>): Promise<Server> => {
  const all = ["serve", "env", "household", "--rung", "L0", "--port", "0", ...args]
  const { child, ended, told } = command(...all)
  const announced = () => /http:\/\/\S+?(?= )/.exec(told.join(""))?.[0]
  for (let i = 0; announced() === undefined && child.exitCode === null && i < 600; i++) {
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
const play = async (client: Client, seed: number) => {
  let { data } = shown(await client.ask({ type: "reset", data: { seed } }))
  let steps = 0
  while (!data.done) {
    const [text = "look"] = data.observation.admissible_commands ?? []
    data = shown(await client.ask({ type: "step", data: { text } })).data
    steps++
  }
  return steps
}

/** A WebSocket by hand, which answers nothing by itself. */
const raw = async (url: string) => {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.on("error", () => {})
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  )
  await new Promise((resolve) => socket.once("data", resolve))
  return socket
}

const isClosed = (url: string) =>
  fetch(`${url}/health`).then(
    () => false,
    () => true
  )

const seats = 8
const connected = new Set<Client>()
const connect = async (url: string) => {
  const client = await Client.connect(url)
  connected.add(client)
  return client
}
afterEach(() => {
  connected.forEach(({ socket }) => socket.close())
  connected.clear()
})

describe("dreamgym serve env", () => {
  let server: Server
  beforeAll(async () => {
    server = await serve("--max-sessions", String(seats))
  }, 60_000)

  it("is played to the end over its WebSocket", async () => {
    const client = await connect(server.url)
    expect(await play(client, 0)).toBe(10)
  })

  it("is full when its seats are taken, and then no longer", async () => {
    const seated: Array<Client> = []
    // Those who left a moment ago may sit yet.
    await until(async () => {
      const client = await connect(server.url)
      const { type } = { type: "", ...(await client.ask({ type: "state" })) }
      if (type === "state") seated.push(client)
      return seated.length === seats
    })
    const late = await connect(server.url)
    expect(await late.next()).toMatchObject({
      data: { code: "CAPACITY_REACHED", active_sessions: seats, max_sessions: seats }
    })
    seated.forEach(({ socket }) => socket.close())
    await until(async () => {
      const again = await connect(server.url)
      const { type } = { type: "", ...(await again.ask({ type: "state" })) }
      return type === "state"
    })
  })

  it("reads no frame of 200 MB, and plays on with the others", async () => {
    const other = await connect(server.url)
    const socket = await raw(server.url)
    const closed = new Promise<Buffer>((resolve) => socket.once("data", resolve))
    const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    head.writeUInt32BE(200_000_000, 6)
    socket.write(head)
    // A close frame with the code 1009 answers the head alone.
    expect([...(await closed).subarray(0, 4)]).toEqual([0x88, 2, 1009 >> 8, 1009 & 255])
    socket.destroy()
    expect(await play(other, 1)).toBe(10)
  })

  const python = spawnSync("python3", ["--version"]).status === 0
  if (!python) console.log("a client in Python: skipped (there is no python3)")

  it.skipIf(!python)("is played by a client in Python, four at once", async () => {
    const script = path.join(import.meta.dirname, "openenv_client.py")
    const child = spawn("python3", [script, server.url, "2", "4"])
    const told: Array<string> = []
    child.stdout.on("data", (chunk) => told.push(String(chunk)))
    child.stderr.on("data", (chunk) => told.push(String(chunk)))
    expect([await new Promise((resolve) => child.on("close", resolve)), told.join("")]).toEqual([
      0,
      expect.stringMatching(/^\[.*\]\n$/)
    ])
    const results: ReadonlyArray<{ readonly tasks: ReadonlyArray<string> }> = JSON.parse(
      told.join("")
    )
    const each = { episodes: 2, refused: 2, closed: 1000, tasks: results[0]?.tasks }
    expect(results).toMatchObject([each, each, each, each])
  })

  it("cannot be started twice on one port: that is one clear line and exit code 1", async () => {
    const { port } = new URL(server.url)
    const second = command("serve", "env", "household", "--port", port)
    expect(await second.ended).toEqual({
      code: 1,
      told: expect.stringMatching(
        `^error: 127\\.0\\.0\\.1:${port} cannot be listened on \\(.*EADDRINUSE.*\\); choose another --port or --host\n$`
      )
    })
  }, 60_000)

  it("told to stop it says so to who plays, closes the port and ends with code 0", async () => {
    const client = await connect(server.url)
    await client.ask({ type: "reset", data: {} })
    server.tell("SIGTERM")
    expect(await client.next()).toEqual({ closed: 1001 })
    expect(await server.ended).toMatchObject({ code: 0 })
    expect(await isClosed(server.url)).toBe(true)
  })
})

describe("a client that does not answer the close", () => {
  it("holds the server no longer than its grace, and not at all when it is told twice", async () => {
    const server = await serve("--idle", "600")
    const socket = await raw(server.url)
    const before = performance.now()
    server.tell("SIGTERM")
    await new Promise((resolve) => setTimeout(resolve, 300))
    server.tell("SIGTERM")
    const { code } = await server.ended
    expect([0, 143]).toContain(code)
    expect(performance.now() - before).toBeLessThan(2000)
    socket.destroy()
  }, 60_000)
})
