/** `dreamgym config`: everything that can be set, with defaults, values and meaning. */
import * as Config from "@dreamgym/pipeline/Config"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Output from "../Output.ts"

export const config = Command.make(
  "config",
  {},
  Effect.fn("ConfigTable.run")(function* () {
    const fields = Config.fields.map(({ description, domain, fallback, key }) => ({
      key,
      default: fallback ?? null,
      values: domain,
      description
    }))
    yield* Output.answer(Schema.encodeSync(Fields)(fields), Config.describe().split("\n"))
  })
).pipe(
  Command.withExamples([
    { command: "dreamgym config | grep learner", description: "What a learner can be told" }
  ])
)

const Fields = Schema.toCodecJson(Schema.Array(Schema.Record(Schema.String, Schema.Unknown)))
