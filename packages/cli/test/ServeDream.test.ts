/** A dreamt world, served: what a run's experience model says, to a client that knows no difference. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { command, play, served, stopAll } from "./processes.ts"
import { Client, ask } from "./serving.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-serve-dream-"))

/** As little of a run as an experience model takes that may be dreamt with; of what it says nothing is asked. */
const least = `
[environment]
rung = "L0"
[collect]
trajectories = 60
demonstrations = 10
heldOutTrajectories = 8
[experience]
updates = 260
batchSize = 24
lr = 0.005
dimension = 32
layers = 1
[fidelity]
transitions = 30
minNextStateExact = 0
maxFalseSuccess = 1
[calibration]
tasks = 6
minLegitimate = 0
maxOptimism = 1
maxMalformed = 1
maxContradictions = 1
[clone]
maxUpdates = 4
minUpdates = 4
dimension = 16
layers = 1
heads = 2
[learner]
miniBatchSize = 32
[train]
start = "cloned"
iterations = 1
tasksPerIteration = 2
groupSize = 2
minAcceptRate = 0
[filter]
contradiction = false
[evaluate]
episodes = 1
clonedPlus = false
real = false
[run]
directory = ${JSON.stringify(home)}
name = "one"
`

beforeAll(async () => {
  fs.writeFileSync(path.join(home, "least.toml"), least)
  const { code, told } = await command("train", "--config", path.join(home, "least.toml")).ended
  expect(code, told).toBe(0)
}, 120_000)
afterAll(() => {
  stopAll()
  fs.rmSync(home, { recursive: true })
})

it("a run's experience model is played like a world, writes nothing into the run, and is told from one", async () => {
  const contents = () => fs.readFileSync(path.join(home, "one", "events.jsonl"), "utf8")
  const before = contents()
  const server = await served("serve", "dream", "one", "--directory", home)
  expect(await ask(`${server.url}/metadata`)).toMatchObject([
    200,
    { name: "dream", description: "What the experience model of the run one dreams of household" }
  ])
  const [first, second] = [await Client.connect(server.url), await Client.connect(server.url)]
  const steps = await Promise.all([play(first, 0), play(second, 1)])
  for (const count of steps) expect([count > 0, count <= 10]).toEqual([true, true])
  server.tell("SIGTERM")
  expect([await first.next(), await second.next()]).toEqual([{ closed: 1001 }, { closed: 1001 }])
  expect(await server.ended).toMatchObject({ code: 0 })
  expect(contents()).toBe(before)
}, 120_000)

it("a run that is not there is one clear line and no server", async () => {
  const { ended } = command("serve", "dream", "none", "--directory", home, "--port", "0")
  const { code, told } = await ended
  expect(told).toMatch(/^error: .*none.*\n$/)
  expect(code).toBeGreaterThan(0)
}, 60_000)

it("a run that never dreamt has no world to serve, and says so in one line", async () => {
  // Nothing would read the settings of dreams.
  const lived = least
    .replace(/\[(experience|fidelity|calibration|filter)\]\n(\w+ = .*\n)+/g, "")
    .replace('name = "one"', 'name = "lived"')
    .replace("[train]\n", "[train]\nrealShareStart = 1\nrealShareEnd = 1\n")
  fs.writeFileSync(path.join(home, "lived.toml"), lived)
  const trained = await command("train", "--config", path.join(home, "lived.toml")).ended
  expect(trained.code, trained.told).toBe(0)
  const { code, told } = await command("serve", "dream", "lived", "--directory", home).ended
  expect(told).toMatch(/^error: .*lived: this run learnt in the real world alone .*\n$/)
  expect(code).toBeGreaterThan(0)
}, 120_000)
