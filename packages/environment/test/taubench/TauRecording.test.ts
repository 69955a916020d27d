import { Effect, FileSystem } from "effect"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import * as Database from "../../src/taubench/Database.ts"
import * as DatabaseHash from "../../src/taubench/DatabaseHash.ts"
import { json } from "../../src/taubench/python/Text.ts"
import * as TauData from "../../src/taubench/TauData.ts"
import * as TauRecording from "../../src/taubench/TauRecording.ts"
import * as TauTools from "../../src/taubench/TauTools.ts"
import { Disk } from "../disk.ts"
import { airlineTables, episode, given, shop, shopTables, tauBenchData } from "./tiny.ts"

const hash = (database: Database.Database) => DatabaseHash.hashOf(database)

const recorded = (): TauRecording.RecordedEpisode => {
  const { call, database } = episode(airlineTables)
  const initialHash = hash(database)
  const cancel = '{"reservation_id": "R1"}'
  const calls = [
    {
      name: "cancel_reservation",
      arguments: given(cancel),
      observation: call("cancel_reservation", cancel)
    },
    { name: "transfer_to_human_agents", arguments: given("{}"), observation: undefined }
  ]
  return {
    domain: "airline",
    episode: "airline test 0",
    calls,
    initialHash,
    finalHash: hash(database)
  }
}

describe("A recorded episode", () => {
  const whole = recorded()

  it("passes where every text and both hashes are the same; a skipped call is counted", () => {
    expect(TauRecording.judge(whole, airlineTables)).toEqual({
      episode: "airline test 0",
      calls: 2,
      skipped: 1
    })
  })

  it("fails at the first difference and says where", () => {
    const other = whole.calls.map((call) => ({ ...call, observation: "Error: no" }))
    const differences = [
      { ...whole, initialHash: "x" },
      { ...whole, calls: other },
      { ...whole, finalHash: "y" }
    ].map((change) => TauRecording.judge(change, airlineTables).difference)
    const command = 'cancel_reservation {"reservation_id": "R1"}'
    expect(differences).toEqual([
      { call: 0, command: "", what: "hash", expected: "x", actual: whole.initialHash },
      {
        call: 1,
        command,
        what: "observation",
        expected: "Error: no",
        actual: whole.calls[0]?.observation
      },
      { call: 3, command: "", what: "hash", expected: "y", actual: whole.finalHash }
    ])
  })
})

const line = `{"domain": "airline", "episode": 3, "calls": [{"name": "think", "kwargs": {"thought": 1.0}, "observation": ""}, {"name": "send_certificate", "kwargs": {}, "observation": null, "non_string": true}], "final_hash": "h"}`

const reading = (bytes: Uint8Array) =>
  TauRecording.read("r.jsonl").pipe(
    Effect.provide(FileSystem.layerNoop({ readFile: () => Effect.succeed(bytes) }))
  )

const encoded = (text: string) => new TextEncoder().encode(text)

describe("A recording", () => {
  it("is read gzipped and plain, floats kept", async () => {
    const expected = [
      {
        domain: "airline",
        episode: "airline fuzz 3",
        calls: [
          { name: "think", arguments: new Map([["thought", 1]]), observation: "" },
          { name: "send_certificate", arguments: new Map(), observation: null }
        ],
        initialHash: undefined,
        finalHash: "h"
      }
    ]
    expect(await Effect.runPromise(reading(gzipSync(line)))).toEqual(expected)
    expect(await Effect.runPromise(reading(encoded(`${line}\n\n`)))).toEqual(expected)
  })

  it.each([
    [gzipSync(line).subarray(0, 60), "damaged", 0],
    [encoded(`${line}\n${line.slice(0, -9)}`), "damaged", 2],
    [encoded(line.replace("airline", "hotel")), "field", 1],
    [encoded(line.replace("final_hash", "hash")), "field", 1],
    [encoded(line.replace('"calls"', '"steps"')), "field", 1],
    [encoded(line.replace('"kwargs"', '"args"')), "field", 1]
  ])("that is damaged is an error with its line, no difference", async (bytes, reason, at) => {
    const error = await Effect.runPromise(Effect.flip(reading(bytes)))
    expect({ reason: error.reason, line: error.line }).toEqual({ reason, line: at })
    expect(error.message).toMatch(/^r\.jsonl.*; fetch the recording again$/)
  })
})

/** A disk of texts by path. */
const diskOf = (texts: Readonly<Record<string, string>>) =>
  FileSystem.layerNoop({
    readFileString: (path) => {
      const text = texts[path]
      return text === undefined
        ? Effect.provide(
            Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString("/nowhere")),
            Disk
          )
        : Effect.succeed(text)
    }
  })

const files: Readonly<Record<string, string>> = {
  "d/retail/orders.json": shop["orders"] ?? "",
  "d/retail/products.json": shop["products"] ?? "",
  "d/retail/users.json": shop["users"] ?? "",
  "d/retail/policy.json":
    '{"wiki": "Be kind.", "rules": ["one"], "terminate_tools": ["transfer_to_human_agents"]}',
  "d/retail/tools.json": '[{"type": "function"}]'
}

const loading = (changes: Readonly<Record<string, string | undefined>>) => {
  const texts = Object.fromEntries(
    Object.entries({ ...files, ...changes }).flatMap(([path, text]) =>
      text === undefined ? [] : [[path, text]]
    )
  )
  return Effect.provide(TauData.load("d", "retail"), diskOf(texts))
}

describe("The data", () => {
  it("are read whole: tables, policy and schemas", async () => {
    const loaded = await Effect.runPromise(loading({}))
    expect({ ...loaded, tables: hash(Database.start(loaded.tables)) }).toEqual({
      wiki: "Be kind.",
      rules: ["one"],
      terminateTools: ["transfer_to_human_agents"],
      tools: [new Map([["type", "function"]])],
      tables: hash(Database.start(shopTables))
    })
  })

  const orders = files["d/retail/orders.json"] ?? ""
  it.each([
    [{ "d/retail/users.json": undefined }, "missing", "d/retail/users.json", ""],
    [{ "d/retail/tools.json": undefined }, "missing", "d/retail/tools.json", ""],
    [{ "d/retail/orders.json": orders.slice(0, 300) }, "json", "d/retail/orders.json", ""],
    [{ "d/retail/orders.json": "[]" }, "field", "d/retail/orders.json", ""],
    [
      { "d/retail/orders.json": orders.replace('"price": 9.2', '"price": "9.2"') },
      "field",
      "d/retail/orders.json",
      "#1.items.2.price"
    ],
    [
      { "d/retail/users.json": (files["d/retail/users.json"] ?? "").replace('"email"', '"mail"') },
      "field",
      "d/retail/users.json",
      "ann.email"
    ],
    [
      {
        "d/retail/products.json": (files["d/retail/products.json"] ?? "").replace(
          '"available": true',
          '"available": 1'
        )
      },
      "field",
      "d/retail/products.json",
      "9000000000.variants.31.available"
    ],
    [{ "d/retail/policy.json": "{}" }, "field", "d/retail/policy.json", "wiki"],
    [{ "d/retail/tools.json": "{}" }, "field", "d/retail/tools.json", ""]
  ])("with %j are an error that names file and key", async (changes, reason, file, key) => {
    const error = await Effect.runPromise(Effect.flip(loading(changes)))
    expect(error).toMatchObject({ reason, file, key })
    expect(error.message).toContain(file)
  })
})

if (tauBenchData === undefined) {
  console.info(
    "No TAU_BENCH_DATA, no ../shared/data/tau-bench: tests on the real data are skipped."
  )
}

const whereData = tauBenchData === undefined ? describe.skip : describe

whereData("The original's recordings (skipped without TAU_BENCH_DATA)", () => {
  const folder = tauBenchData ?? ""

  // Each domain is loaded once: reading and hashing it whole costs more than replaying most recordings.
  const domains = { retail: loadedOnce("retail"), airline: loadedOnce("airline") }

  function loadedOnce(domain: Database.Domain) {
    let loaded: Promise<TauData.TauDomain> | undefined
    return () => (loaded ??= Effect.runPromise(Effect.provide(TauData.load(folder, domain), Disk)))
  }

  it.each([
    ["retail", "retail", 520, 793, 0],
    ["airline", "airline", 25, 73, 2],
    ["retail_fuzz", "retail", 60, 457, 0],
    ["airline_fuzz", "airline", 60, 459, 0]
  ] as const)(
    "of %s are replayed byte for byte, hashes too",
    async (name, domain, episodes, calls, skipped) => {
      const { tables } = await domains[domain]()
      const reading = TauRecording.read(`${folder}/oracle/${name}.jsonl`)
      const recording = await Effect.runPromise(Effect.provide(reading, Disk))
      const verdicts = recording.map((one) => TauRecording.judge(one, tables))
      const sum = (counts: ReadonlyArray<number>) => counts.reduce((total, one) => total + one, 0)
      expect(verdicts.filter(({ difference }) => difference !== undefined)).toEqual([])
      expect([
        verdicts.length,
        sum(verdicts.map((verdict) => verdict.calls)),
        sum(verdicts.map((verdict) => verdict.skipped))
      ]).toEqual([episodes, calls, skipped])
    },
    60_000
  )

  it("are counted in a report, from a file and the data's folder", async () => {
    const program = Effect.gen(function* () {
      const recording = yield* TauRecording.read(`${folder}/oracle/airline.jsonl`)
      return yield* TauRecording.replay(recording, folder)
    })
    const report = await Effect.runPromise(Effect.provide(program, Disk))
    expect(report).toMatchObject({ passed: 25, failed: 0, calls: 73, skipped: 2 })
  })

  it.each([
    ["retail", "5a4b2cb59f4d12dea7e4adff24a7f8fada510ead49372ea4a729a82bbb5f49b5"],
    ["airline", "4587e6b48ad2b2c4f3e1fecb40aabec7bb2286513273b8f8cec3f5865222f290"]
  ] as const)("start %s at the original's hash, with its tools", async (domain, initial) => {
    const loaded = await domains[domain]()
    expect(hash(Database.start(loaded.tables))).toBe(initial)
    const schemas: unknown = JSON.parse(json(loaded.tools))
    const parameters = Array.from(TauTools.toolsOf[domain], ([name, tool]) => ({
      type: "function",
      function: { name, parameters: { required: tool.parameters } }
    }))
    expect(parameters).toHaveLength(domain === "retail" ? 16 : 14)
    expect(schemas).toMatchObject(
      Array.from(parameters).sort((left, right) =>
        left.function.name < right.function.name ? -1 : 1
      )
    )
  })
})

describe("A replay of data that are not there", () => {
  it("is an error, no difference", async () => {
    const replaying = Effect.flip(TauRecording.replay([recorded()], "/nowhere"))
    const error = await Effect.runPromise(Effect.provide(replaying, Disk))
    expect(error).toMatchObject({ reason: "missing", file: "/nowhere/airline/flights.json" })
  })
})
