/** Tests of what can be set, how it is set, and what is refused. */
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { defaults, describe as describeConfig, fields } from "../src/Config.ts"
import { editDistance, nearest } from "../src/ConfigError.ts"
import { presets } from "../src/ConfigPresets.ts"
import { resolve, type Sources } from "../src/ConfigResolve.ts"

const config = (sources: Sources) => Result.getOrThrow(resolve(sources))
const error = (sources: Sources) => {
  const result = resolve(sources)
  return Result.isFailure(result) ? result.failure : undefined
}
const toml = (text: string) => ({ file: { path: "mine.toml", text } })

describe("the configuration", () => {
  it("is its defaults where nothing is said", () => {
    expect(config({})).toStrictEqual(defaults)
  })

  it("names every field with its meaning and its values", () => {
    expect(fields.length).toBeGreaterThan(60)
    expect(fields.filter(({ description, domain }) => description === "" || domain === "")).toEqual(
      []
    )
    expect(describeConfig().split("\n")).toHaveLength(fields.length)
  })

  it("accepts its own defaults", () => {
    const refused = fields.filter(
      (field) => field.fallback !== undefined && !field.accepts(field.fallback)
    )
    expect(refused).toEqual([])
  })

  it("lets a later source win: default, preset, file, --set, flag", () => {
    const preset = { flag: "--preset", key: "preset", value: "household-quick" }
    const file = toml("seed = 2\n[train]\niterations = 7")
    const iterations = (sources: Sources) => config(sources).train.iterations
    expect(iterations({})).toBe(defaults.train.iterations)
    expect(iterations({ flags: [preset] })).toBe(presets["household-quick"].train?.iterations)
    expect(iterations({ flags: [preset], ...file })).toBe(7)
    const settings = ["train.iterations=8"]
    expect(iterations({ flags: [preset], ...file, settings })).toBe(8)
    const flag = { flag: "--iterations", key: "train.iterations", value: 9 }
    expect(iterations({ flags: [preset, flag], ...file, settings })).toBe(9)
    expect(config(file).seed).toBe(2)
  })

  it("lets a file choose the preset", () => {
    const quick = config(toml('preset = "household-quick"'))
    expect(quick.train.iterations).toBe(presets["household-quick"].train?.iterations)
  })

  it("repeats no password in an error", () => {
    const refused = error({ settings: ["replay.url=postgresql://me:se:cret@localhost/db"] })
    expect(refused?.message).toContain("--set replay.url=postgresql://me:***@localhost/db: ")
    expect(JSON.stringify(refused)).not.toContain("cret")
  })

  it.each(Object.keys(presets))("resolves the preset %s", (preset) => {
    const resolved = config({ settings: [`preset=${preset}`], alfworldData: "/data" })
    expect(resolved.preset).toBe(preset)
  })

  it("reads --set as a TOML value or as plain text, whichever the field takes", () => {
    const settings = [
      "learner.algorithm=grpo",
      'run.name="7"',
      "run.directory=8",
      "filter.duplicate=true"
    ]
    const resolved = config({ settings })
    expect(resolved.learner.algorithm).toBe("grpo")
    expect(resolved.run).toEqual({ name: "7", directory: "8" })
    expect(resolved.filter.duplicate).toBe(true)
  })

  it("takes the games' folder from ALFWORLD_DATA, but only for alfworld and only where none is set", () => {
    const alfworld = { settings: ["preset=alfworld"], alfworldData: "/games" }
    expect(config(alfworld).environment.data).toBe("/games")
    const set = [...alfworld.settings, "environment.data=/mine"]
    expect(config({ ...alfworld, settings: set }).environment.data).toBe("/mine")
    expect(config({ alfworldData: "/games" }).environment.data).toBeUndefined()
  })
})

describe("a wrong configuration", () => {
  it.each<[string, Sources, object]>([
    [
      "an unknown key in a file names the file and the nearest key",
      toml("[train]\niteratons = 3"),
      {
        reason: "UnknownKey",
        source: "mine.toml",
        key: "train.iteratons",
        message: 'mine.toml: there is no key "train.iteratons"; did you mean "train.iterations"?'
      }
    ],
    [
      "an unknown section is named once",
      toml("[trainer]\na = 1\nb = 2"),
      { reason: "UnknownKey", key: "trainer" }
    ],
    [
      "an unknown key of --set names the flag",
      { settings: ["learner.clip_coef=0.3"] },
      {
        source: "--set learner.clip_coef=0.3",
        message: expect.stringContaining("learner.clipRatioHigh")
      }
    ],
    [
      "a number out of range says its range",
      { settings: ["learner.gamma=1.5"] },
      {
        reason: "BadValue",
        message: "--set learner.gamma=1.5: learner.gamma is 1.5; it must be a number from 0 to 1"
      }
    ],
    [
      "a fraction where a whole number is needed",
      { flags: [{ flag: "--seed", key: "seed", value: 1.5 }] },
      { message: "--seed: seed is 1.5; it must be a whole number from 0 to 4294967295" }
    ],
    ["a value where a section is needed", toml("train = 3"), { key: "train" }],
    ["a table where a value is needed", toml("[seed]\nx = 1"), { reason: "BadValue", key: "seed" }],
    ["no equals sign", { settings: ["seed"] }, { reason: "BadValue", key: "seed" }],
    [
      "a file that is no TOML names the line",
      toml("seed = = 3"),
      {
        reason: "BadFile",
        message: expect.stringMatching(/^mine.toml: this is not TOML: .*line 1/)
      }
    ],
    [
      "more demonstrations than trajectories",
      { settings: ["collect.trajectories=20", "collect.demonstrations=21"] },
      { reason: "Impossible", key: "collect.demonstrations" }
    ],
    [
      "grpo without a group",
      { settings: ["learner.algorithm=grpo", "train.groupSize=1"] },
      { reason: "Impossible", source: "--set learner.algorithm=grpo, --set train.groupSize=1" }
    ],
    [
      "a minibatch that an iteration cannot fill",
      {
        settings: [
          "learner.miniBatchSize=100",
          "train.tasksPerIteration=2",
          "train.groupSize=3",
          "environment.stepLimit=10"
        ]
      },
      { reason: "Impossible", message: expect.stringContaining("60 decisions") }
    ],
    [
      "heads that do not divide the width",
      { settings: ["clone.heads=3"] },
      { reason: "Impossible", key: "clone.dimension" }
    ],
    [
      "alfworld without its games",
      { settings: ["preset=alfworld"] },
      { reason: "Impossible", message: expect.stringContaining("ALFWORLD_DATA") }
    ],
    [
      "a real share above zero with no real environment",
      { settings: ["preset=alfworld", "train.realShareEnd=0.5"] },
      {
        reason: "Impossible",
        key: "train.realShareStart",
        message: expect.stringMatching(/train.realShareEnd=0.5.* real world .* and there is none/)
      }
    ],
    [
      "a fine-tuning in reality with no real environment",
      { settings: ["preset=alfworld", "train.realIterations=2"] },
      { reason: "Impossible", message: expect.stringContaining("there is none") }
    ],
    [
      "an adaptive KL that nothing pulls by",
      { settings: ["learner.adaptiveKlTarget=0.02"] },
      { reason: "Impossible", key: "learner.adaptiveKlTarget" }
    ],
    [
      "an address of no server",
      { settings: ["replay.url=http://localhost/db"] },
      { reason: "Impossible", message: expect.stringContaining("postgresql://user@host") }
    ],
    [
      "a password that would be written down",
      { settings: ["replay.url=postgresql://me:secret@localhost/db"] },
      { reason: "Impossible", message: expect.stringContaining("PGPASSWORD") }
    ],
    [
      "a schema where no server is",
      { settings: ["replay.schema=mine"] },
      { reason: "Unused", key: "replay.schema" }
    ],
    [
      "a setting that nothing reads",
      { settings: ["learner.algorithm=grpo", "learner.vfCoef=1"] },
      { reason: "Unused", key: "learner.vfCoef" }
    ]
  ])("%s", (_, sources, expected) => {
    expect(error(sources)).toMatchObject(expected)
  })
})

describe("the nearest key", () => {
  it("of a key is the key itself", () => {
    for (const { key } of fields) expect(nearest(key)).toBe(key)
  })

  it("forgives other spellings and other sections", () => {
    expect(nearest("learner.gae_lambda")).toBe("learner.gaeLambda")
    expect(nearest("ppo.gamma")).toBe("learner.gamma")
    expect(nearest("train.num_generations")).toBe("train.groupSize")
    expect(nearest("Seeed")).toBe("seed")
  })

  it("is by a distance: symmetric, zero for the same word, and no detour is shorter", () => {
    const word = fc.string({ maxLength: 8 })
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, a)).toBe(0)
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c))
      })
    )
  })
})
