/**
 * What a study was asked, as its folder keeps it (`study.json`): with the ledger it is all that the report is written from.
 * It is no plan: what would be asked today says `Plan`.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Arms from "./Arms.ts"
import type { Form, Study, Unit as Planned } from "./Plan.ts"

/** As much of a unit as its report needs. */
export type Unit = Pick<Planned, "id" | "settings" | "from" | "goesOn" | "budget">

/** `directory`: where it was run, as it was given. */
export interface Asked {
  readonly study: Study
  readonly directory: string
  readonly units: ReadonlyArray<Unit>
}

const Texts = Schema.Array(Schema.String)

/** `shared` are the settings of every unit, which stand before its own. */
const File = Schema.Struct({
  form: Schema.Literals(["full", "quick"] satisfies ReadonlyArray<Form>),
  parts: Schema.Array(Schema.Literals(Arms.parts)),
  seeds: Schema.Array(Schema.Int),
  rungs: Texts,
  directory: Schema.String,
  shared: Texts,
  units: Schema.Record(
    Schema.String,
    Schema.Struct({
      from: Schema.optionalKey(Schema.String),
      goesOn: Schema.optionalKey(Schema.Boolean),
      settings: Texts
    })
  )
})

/** The file's text. `settingsOf` gives a unit's settings with its budget, as far as that is known. */
export const text = (
  { directory, study, units }: Asked,
  settingsOf: (unit: Unit) => ReadonlyArray<string>
): string => {
  const set = units.map((unit) => settingsOf(unit))
  const shared = (set[0] ?? []).filter((one) => set.every((settings) => settings.includes(one)))
  const rows = units.map(({ from, goesOn, id }, i) => [
    id,
    {
      ...(from === undefined ? {} : { from }),
      ...(goesOn === undefined ? {} : { goesOn }),
      settings: (set[i] ?? []).filter((one) => !shared.includes(one))
    }
  ])
  const { form, parts, rungs, seeds } = study
  const file = { form, parts, seeds, rungs, directory, shared, units: Object.fromEntries(rows) }
  return `${JSON.stringify(file, null, 1)}\n`
}

/** Of the file's text; undefined where that is none of this version. */
export const parse = (found: string): Asked | undefined =>
  Result.match(Schema.decodeUnknownResult(Schema.fromJsonString(File))(found), {
    onFailure: () => undefined,
    onSuccess: ({ directory, shared, units, ...study }) => ({
      study,
      directory,
      units: Object.entries(units).map(([id, unit]) => ({
        id,
        ...unit,
        settings: [...shared, ...unit.settings]
      }))
    })
  })

/** The command that asks for this study again, or for one part of it. */
export const command = (
  { directory, study: { form, parts, rungs, seeds } }: Pick<Asked, "directory" | "study">,
  part = parts.length === 1 ? parts[0] : undefined
): string =>
  [
    "npx dreamgym reproduce",
    ...(part === undefined ? [] : [part]),
    ...(form === "quick" ? ["--quick"] : []),
    `--seeds ${seeds.join(",")} --rungs ${rungs.join(",")} --directory ${directory}`
  ].join(" ")
