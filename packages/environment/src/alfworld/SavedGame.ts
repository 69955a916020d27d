/**
 * A state of a game as plain data: what became true and what ceased to be since the start, and the last text.
 * It holds no game: it is resumed on the game it was taken from.
 *
 * Its size is that of the change. A fork needs none of this: states are immutable, so two episodes may share one.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as State from "../pddl/State.ts"
import * as Game from "./Game.ts"

/** A predicate and its arguments, by name: `["inreceptacle", "mug_bar_...", "desk_bar_..."]`. */
export const Fact = Schema.Array(Schema.String)
export type Fact = typeof Fact.Type

/** `observation` is the last text. `added` and `removed` are facts that hold, or do not, unlike at the start. */
export const SavedGame = Schema.Struct({
  observation: Schema.String,
  added: Schema.Array(Fact),
  removed: Schema.Array(Fact)
})
export type SavedGame = typeof SavedGame.Type

/** What was taken from another game, or changed by hand. */
export class SavedGameError extends Schema.TaggedError<SavedGameError>()("SavedGameError", {
  reason: Schema.Literal("stranger"),
  fact: Fact
}) {
  override get message(): string {
    const [predicate = "", ...names] = this.fact
    return `the game knows nothing of the fact (${[predicate, ...names].join(" ")}); resume a snapshot on the game it was taken from`
  }
}

/** The state as data. */
export const save = ({ observation, situation: { game, state } }: Game.GameState): SavedGame => {
  const { initial, vocabulary } = game.setting
  const predicates = [...vocabulary.predicateNumbers.keys()]
  const beyond = (these: State.State, those: State.State): ReadonlyArray<Fact> =>
    these.flatMap((relation, number) => {
      const other = those[number]
      if (relation === other || other === undefined) return []
      const facts = relation.facts.filter((fact) => !State.has(other, fact))
      return facts.map((fact) => [
        predicates[number] ?? "",
        ...State.argumentsOf(relation.arity, fact).map(
          (object) => vocabulary.objects[object]?.name ?? ""
        )
      ])
    })
  return { observation, added: beyond(state, initial), removed: beyond(initial, state) }
}

/** The state that was saved. */
export const resume = (
  game: Game.Game,
  { observation, added, removed }: SavedGame
): Result.Result<Game.GameState, SavedGameError> =>
  Result.gen(function* () {
    const changes: Array<State.Change> = []
    for (const fact of removed) changes.push(yield* changeOf(game, fact, false))
    for (const fact of added) changes.push(yield* changeOf(game, fact, true))
    return Game.at(game, State.apply(game.setting.initial, changes), observation)
  })

const changeOf = (
  { setting: { vocabulary } }: Game.Game,
  fact: Fact,
  isAdd: boolean
): Result.Result<State.Change, SavedGameError> => {
  const [name = "", ...names] = fact
  const predicate = vocabulary.predicateNumbers.get(name)
  const objects = names.flatMap((object) => vocabulary.objectNumbers.get(object) ?? [])
  const isKnown = objects.length === names.length
  return predicate === undefined || !isKnown || vocabulary.arities[predicate] !== objects.length
    ? Result.fail(new SavedGameError({ reason: "stranger", fact }))
    : Result.succeed({ predicate, fact: State.factOf(objects), isAdd })
}
