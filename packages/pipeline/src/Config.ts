/**
 * Everything that can be set about a run, in one schema: each field with its default, its range and what it means.
 * It reads no file and no command line: `ConfigResolve` does.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { oneOf, whole } from "./ConfigFields.ts"
import { curriculum, health, learner, train } from "./ConfigLearning.ts"
import {
  calibration,
  clone,
  collect,
  dpo,
  engine,
  environment,
  evaluate,
  experience,
  fidelity,
  filter,
  replay,
  run
} from "./ConfigSections.ts"

/** The sections, in the order in which a run needs them. */
export const sections = {
  environment,
  collect,
  experience,
  fidelity,
  calibration,
  clone,
  learner,
  train,
  curriculum,
  replay,
  filter,
  health,
  evaluate,
  dpo,
  run,
  engine
}

const top = {
  preset: oneOf(
    ["household", "household-quick", "alfworld"],
    "household",
    "The named settings to start from."
  ),
  seed: whole(0, 4_294_967_295, 1, "All randomness of the run comes from it.")
}

export const Config = Schema.Struct({
  ...top,
  environment: environment.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  collect: collect.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  experience: experience.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  fidelity: fidelity.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  calibration: calibration.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  clone: clone.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  learner: learner.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  train: train.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  curriculum: curriculum.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  replay: replay.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  filter: filter.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  health: health.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  evaluate: evaluate.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  dpo: dpo.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  run: run.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  engine: engine.pipe(Schema.withDecodingDefaultKey(Effect.succeed({})))
})
/** A resolved configuration: every field has its value. */
export interface Config extends Schema.Schema.Type<typeof Config> {}

/** Some fields of a configuration; the rest keep what they had. */
export type Partial = typeof Config.Encoded

/** What `npm start` runs. */
export const defaults: Config = Schema.decodeSync(Config)({})

/** One field: `key` is its dotted name, `fallback` its default (absent: none), `domain` its values in words. */
export interface Field {
  readonly key: string
  readonly description: string
  readonly domain: string
  readonly fallback: unknown
  /** Is `value` one of this field's? */
  readonly accepts: (value: unknown) => boolean
}

const fieldsOf = (
  prefix: string,
  schemas: Readonly<Record<string, Schema.Constraint>>,
  values: object
): ReadonlyArray<Field> => {
  const fallbacks = new Map(Object.entries(values))
  return Object.entries(schemas).map(([name, schema]) => ({
    key: `${prefix}${name}`,
    description: note(schema, "description"),
    domain: note(schema, "domain"),
    fallback: fallbacks.get(name),
    accepts: Schema.is(schema)
  }))
}

const note = (schema: Schema.Constraint, name: string): string =>
  SchemaAST.resolveAt<string>(name)(schema.ast) ?? ""

/** Every field, in the order of the sections. */
export const fields: ReadonlyArray<Field> = [
  ...fieldsOf("", top, defaults),
  ...Object.entries(sections).flatMap(([name, struct]) =>
    fieldsOf(
      `${name}.`,
      struct.fields,
      new Map<string, object>(Object.entries(defaults)).get(name) ?? {}
    )
  )
]

/** A table of every field, for help and the documentation: key, default, values, meaning. */
export const describe = (): string => {
  const width = (column: (field: Field) => string) =>
    Math.max(...fields.map((field) => column(field).length))
  const columns: ReadonlyArray<(field: Field) => string> = [
    ({ key }) => key,
    ({ fallback }) => String(fallback ?? "none"),
    ({ domain }) => domain
  ]
  const widths = columns.map(width)
  return fields
    .map((field) =>
      [...columns.map((column, i) => column(field).padEnd(widths[i] ?? 0)), field.description].join(
        "  "
      )
    )
    .join("\n")
}
