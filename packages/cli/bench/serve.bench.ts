/**
 * How fast a served world answers 200 trainers at once: `npm run bench -- serve`. The server is a process of its own; its
 * clients share the machine with it, so a figure is of both.
 *
 * Every connection plays admissible actions at random and asks for the next as soon as it has the last answer.
 * ALFWorld is measured where `ALFWORLD_DATA` names its games.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { Seed } from "@dreamgym/domain"
import type { Bench, Figure } from "../../../scripts/figures.ts"

const connections = 200
const seconds = 10

const program = path.join(import.meta.dirname, "../src/bin.ts")

/** A served world in another process, and its address. */
const serve = async (args: ReadonlyArray<string>) => {
  const all = ["--conditions=source", program, "serve", "env", ...args, "--port", "0"]
  const server = spawn(process.execPath, all, { stdio: ["ignore", "ignore", "pipe"] })
  const url = await new Promise<string>((resolve, reject) => {
    let told = ""
    server.stderr.on("data", (chunk) => {
      told += String(chunk)
      const found = /ws:\/\/\S+\/ws/.exec(told)?.[0]
      if (found !== undefined) resolve(found)
    })
    server.on("exit", () => reject(new Error(told)))
  })
  return { server, url }
}

/** What the clients saw: milliseconds of each step, and errors. */
interface Seen {
  readonly latencies: Array<number>
  errors: number
}

/** Plays on one connection until `stopAt`. */
const play = (url: string, seed: number, stopAt: number, seen: Seen): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    const random = Seed.generator(Seed.key(seed, "bench/serve"))
    let episode = seed
    let asked = 0
    const send = (message: object) => {
      asked = performance.now()
      socket.send(JSON.stringify(message))
    }
    const reset = () => send({ type: "reset", data: { seed: (episode += connections) } })
    socket.addEventListener("open", reset)
    socket.addEventListener("error", () => reject(new Error("the connection broke")))
    socket.addEventListener("close", () => resolve())
    socket.addEventListener("message", ({ data }) => {
      const { data: shown, type } = JSON.parse(String(data))
      if (type !== "observation") seen.errors++
      else if (shown.reward !== null) seen.latencies.push(performance.now() - asked)
      if (performance.now() >= stopAt) return socket.close()
      if (type !== "observation" || shown.done) return reset()
      const can: ReadonlyArray<string> = shown.observation.admissible_commands
      return send({ type: "step", data: { text: can[Seed.below(random, can.length)] ?? "look" } })
    })
  })

/** Mebibytes that a process holds; where the system does not tell, NaN. */
const resident = (pid: number | undefined): number => {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
    return Number(kilobytes) / 1024
  } catch {
    return Number.NaN
  }
}

const of = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

const measure = async (world: string, args: ReadonlyArray<string>) => {
  const { server, url } = await serve([world, ...args, "--max-sessions", String(connections)])
  const seen: Seen = { latencies: [], errors: 0 }
  const began = performance.now()
  const stopAt = began + seconds * 1000
  const clients = Array.from({ length: connections }, (_, i) => play(url, i, stopAt, seen))
  await Promise.all(clients)
  const elapsed = (performance.now() - began) / 1000
  const memory = resident(server.pid)
  server.kill("SIGTERM")
  await once(server, "exit")
  const sorted = seen.latencies.toSorted((a, b) => a - b)
  const name = (what: string) => `${world}, ${connections} connections: ${what}`
  const lower = { higherIsBetter: false }
  const figures: ReadonlyArray<Figure> = [
    {
      name: name("steps"),
      unit: "1/s",
      goal: 2000,
      higherIsBetter: true,
      value: sorted.length / elapsed
    },
    { name: name("errors"), unit: "", goal: 0, ...lower, value: seen.errors },
    { name: name("latency p50"), unit: "ms", goal: 100, ...lower, value: of(sorted, 0.5) },
    { name: name("latency p99"), unit: "ms", goal: 250, ...lower, value: of(sorted, 0.99) },
    { name: name("server memory"), unit: "MiB", goal: 1024, ...lower, value: memory }
  ]
  return figures
}

const missing: Figure = {
  name: `alfworld, ${connections} connections: steps`,
  unit: "1/s",
  goal: 2000,
  higherIsBetter: true,
  missing: "ALFWORLD_DATA names no games"
}

const bench: Bench = async () => {
  const games = process.env["ALFWORLD_DATA"] ?? ""
  return [
    ...(await measure("household", [])),
    ...(games === ""
      ? [missing]
      : await measure("alfworld", ["--data", games, "--split", "valid_seen"]))
  ]
}

export default bench
