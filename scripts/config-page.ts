/**
 * `npm run docs`: writes `docs/config.md`, the page of everything that can be set, from the schema that the program itself reads.
 * It decides nothing about settings: `packages/pipeline/src/Config.ts` does.
 */
import { writeFileSync } from "node:fs"
import { Config, ConfigPresets } from "@dreamgym/pipeline"

const cell = (value: unknown): string => String(value).replaceAll("|", "\\|")

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<unknown>>) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`)

const sectionOf = (key: string): string => (key.includes(".") ? (key.split(".")[0] ?? "") : "")

const sections = (): ReadonlyArray<string> =>
  [...Map.groupBy(Config.fields, ({ key }) => sectionOf(key))].flatMap(([name, fields]) => [
    "",
    `## ${name === "" ? "the run as a whole" : name}`,
    "",
    ...table(
      ["key", "default", "values", "meaning"],
      fields.map(({ key, fallback, domain, description }) => [
        `\`${key}\``,
        fallback === undefined ? "none" : `\`${JSON.stringify(fallback)}\``,
        domain,
        description
      ])
    )
  ])

const presets = (): ReadonlyArray<string> =>
  Object.entries(ConfigPresets.presets).flatMap(([name, preset]) => [
    "",
    `### ${name}`,
    "",
    ...(Object.keys(preset).length === 0
      ? ["The defaults, nothing else."]
      : table(["key", "value"], leavesOf("", preset)))
  ])

const leavesOf = (prefix: string, tree: object): ReadonlyArray<readonly [string, string]> =>
  Object.entries(tree).flatMap(([name, value]) =>
    typeof value === "object" && value !== null
      ? leavesOf(`${prefix}${name}.`, value)
      : [[`\`${prefix}${name}\``, `\`${JSON.stringify(value)}\``] as const]
  )

/** The page, whole. */
export const configPage = (): string =>
  [
    "# Settings",
    "",
    "Generated from the schema in [Config.ts](../packages/pipeline/src/Config.ts) by `npm run docs`; a test says when it is out of date.",
    "`dreamgym config` prints the same table. A setting comes from, the later wins: the default, the preset, the file of `--config` (TOML, one",
    "table per section), `--set key=value`, a flag of its own such as `--seed`. An unknown key is an error that names the nearest known one; a",
    "setting that nothing would read is an error too. `--dry-run` prints the resolved settings and what the run would cost.",
    ...sections(),
    "",
    "## presets",
    "",
    "What each preset says otherwise than the defaults.",
    ...presets(),
    ""
  ].join("\n")

if (import.meta.main) writeFileSync(`${import.meta.dirname}/../docs/config.md`, configPage())
