/** The real command as a process: how it starts, is played by others, is misused, and ends. */
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { command, play, served, stopAll, type Server } from "./processes.ts"
import { Client, until } from "./serving.ts"

afterAll(stopAll)

/** A served household. */
const serve = (...args: ReadonlyArray<string>) =>
  served("serve", "env", "household", "--rung", "L0", ...args)

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

/** Another program, run to its end. */
const finished = (program: string, ...args: ReadonlyArray<string>) => {
  const child = spawn(program, args)
  const [out, err]: [Array<string>, Array<string>] = [[], []]
  child.stdout.on("data", (chunk) => out.push(String(chunk)))
  child.stderr.on("data", (chunk) => err.push(String(chunk)))
  return new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on("close", (status) => resolve({ status, stdout: out.join(""), stderr: err.join("") }))
  })
}

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
    const { status, stderr, stdout } = await finished("python3", script, server.url, "2", "4")
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    const results: ReadonlyArray<{ readonly tasks: ReadonlyArray<string> }> = JSON.parse(stdout)
    const each = { episodes: 2, refused: 2, closed: 1000, tasks: results[0]?.tasks }
    expect(results).toMatchObject([each, each, each, each])
  })

  it("is played by the client that docs/serving.md shows", async () => {
    const page = fs.readFileSync(path.join(import.meta.dirname, "../../../docs/serving.md"), "utf8")
    const block = /```typescript\n([\s\S]*?)```/.exec(page)?.[1] ?? ""
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-serving-"))
    const file = path.join(folder, "client.mts")
    fs.writeFileSync(file, block)
    const url = `${server.url.replace("http", "ws")}/ws`
    const { status, stderr, stdout } = await finished(process.execPath, file, url)
    fs.rmSync(folder, { recursive: true })
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    expect(stdout).toMatch(
      /^You are in .*\n\nYour task is to: [\s\S]*\[reward [01], done true\]\n$/
    )
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
