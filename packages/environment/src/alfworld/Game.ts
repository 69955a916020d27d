/**
 * A text game: what is seen, what may be said, and whether it is won, as pure functions of immutable states.
 * It has no step limit and no reward: those are the business of `AlfWorld` and of the rollout.
 */
import type { Seed } from "@dreamgym/domain"
import * as Result from "effect/Result"
import * as Ground from "../pddl/Ground.ts"
import * as Pddl from "../pddl/Pddl.ts"
import { PddlError } from "../pddl/SExpression.ts"
import { argumentOf, arityLimit, objectLimit, type State } from "../pddl/State.ts"
import { GameFileError, type GameFile } from "./GameFile.ts"
import * as Grammar from "./Grammar.ts"
import * as GrammarText from "./GrammarText.ts"
import * as Names from "./Names.ts"

/** A game ready to be started. `walkthrough`: the file's own solution, in display names also where the file has ids. */
export interface Game {
  readonly setting: Ground.Setting
  readonly grammar: Grammar.Grammar
  readonly moves: ReadonlyArray<Move>
  readonly entities: Grammar.Entities
  readonly walkthrough: ReadonlyArray<string> | undefined
}

/** An action and its texts. `written` fills itself: commands by the arguments that decide them. */
export interface Move {
  readonly action: Ground.Action
  readonly texts: Grammar.ActionTexts
  readonly written: Map<number, string>
}

/** An action with its arguments: what a command means in a state. */
export interface Choice {
  readonly command: string
  readonly move: Move
  readonly objects: ReadonlyArray<number>
}

/** All that may be said in a state. `lists` has the choices of each move of the game, in its order. */
export interface Choices {
  readonly state: State
  readonly lists: ReadonlyArray<ReadonlyArray<Choice>>
  readonly sorted: ReadonlyArray<string>
}

/**
 * What a player meets. `admissible`: every command that does something, sorted by code point, without doubles;
 * it is worked out when it is first read. `situation` is the hidden rest, for `step`.
 */
export interface GameState {
  readonly observation: string
  readonly admissible: ReadonlyArray<string>
  readonly won: boolean
  readonly situation: Situation
}

/** The hidden state of a game. `choices` are worked out once, when first asked for. */
export interface Situation {
  readonly game: Game
  readonly state: State
  readonly isWon: boolean
  readonly choices: () => Choices
}

/** The answer to a command that is not exactly one of the admissible ones. */
export const nothingHappens = "Nothing happens."

/** `numbering`: names get their numbers in an order drawn by this key (see `Names`), not in the original's. */
export interface LoadOptions {
  readonly numbering?: Seed.Key
}

/** Prepares a game. `file` is only its name in errors. */
export const load = (
  gameFile: GameFile,
  file = "game",
  { numbering }: LoadOptions = {}
): Result.Result<Game, GameFileError> =>
  Result.gen(function* () {
    const domain = yield* reading(file, "pddl_domain", () => readDomain(gameFile.pddl_domain))
    const document = yield* reading(file, "grammar", () => readGrammar(gameFile.grammar))
    const setting = yield* reading(file, "pddl_problem", () => {
      const problem = Pddl.readProblem(gameFile.pddl_problem)
      return Ground.setting(domain, problem, Grammar.negatedPredicates(document))
    })
    const actions = yield* reading(file, "pddl_domain", () => Ground.actions(domain, setting))
    const grammar = yield* reading(file, "grammar", () =>
      Grammar.make(document, actions, setting.vocabulary, fixedIn(setting, actions))
    )
    const moves = actions.flatMap((action): ReadonlyArray<Move> => {
      const texts = grammar.actions.get(action.name)
      return texts === undefined ? [] : [{ action, texts, written: new Map() }]
    })
    const entities = entitiesOf(setting, numbering)
    const walkthrough = gameFile.walkthrough?.map(renaming(setting, entities))
    return { setting, grammar, moves, entities, walkthrough }
  })

/** A command of the file, which says raw ids or the original's names, in the names of this game. */
const renaming = (setting: Ground.Setting, { names, objects }: Grammar.Entities) => {
  const original = entitiesOf(setting).names
  const renamed = new Map<string, string>()
  for (const [number, { name: id }] of objects.entries()) {
    const name = names[number] ?? id
    if (!Names.isId(id)) continue
    renamed.set(id, name)
    renamed.set(original[number] ?? id, name)
  }
  return (command: string): string =>
    command.replaceAll(/\S+ \d+|\S+/g, (word) => renamed.get(word.toLowerCase()) ?? word)
}

/** The game at its first observation. */
export const start = (game: Game): GameState => {
  const opening = situation(game, game.setting.initial)
  return show(game.grammar.intro(scene(opening, [], [])), opening)
}

/** The game at any state of its facts, with any text as the last one. */
export const at = (game: Game, state: State, observation: string): GameState =>
  show(observation, situation(game, state))

/** The state after a command. Blanks around it do not count; a command that is not admissible changes nothing. */
export const step = ({ situation: before }: GameState, command: string): GameState => {
  const choice = find(before.choices(), command.trim())
  return choice === undefined ? show(nothingHappens, before) : perform(before, choice)
}

/** The display name and the type of an entity by its id, in any case. */
export const entityOf = (
  { entities, setting }: Pick<Game, "entities" | "setting">,
  id: string
): readonly [name: string, type: string] | undefined => {
  const number = setting.vocabulary.objectNumbers.get(id.toLowerCase()) ?? -1
  const name = entities.names[number]
  const object = entities.objects[number]
  return name === undefined || object === undefined ? undefined : [name, object.type]
}

const perform = (before: Situation, { move, objects }: Choice): GameState => {
  const { game, state } = before
  const { action, texts } = move
  const next = Ground.apply(game.setting, state, action, objects)
  const after = situation(game, next, before.choices())
  return show(texts.feedback(scene(after, texts.slots, objects)), after)
}

const show = (observation: string, current: Situation): GameState => ({
  observation,
  won: current.isWon,
  get admissible() {
    return current.choices().sorted
  },
  situation: current
})

const situation = (game: Game, state: State, earlier?: Choices): Situation => {
  let before = earlier
  let known: Choices | undefined
  return {
    game,
    state,
    isWon: game.setting.isGoal(state),
    choices: () => {
      known ??= choicesIn(game, state, before)
      before = undefined
      return known
    }
  }
}

/**
 * What has not changed since an earlier state need not be worked out again: relations are shared between states, so
 * that one look says whether anything that an action depends on is another.
 */
const choicesIn = (game: Game, state: State, earlier: Choices | undefined): Choices => {
  const lists = game.moves.map((move, index) => {
    const known = earlier?.lists[index]
    return known !== undefined && isSteady(move, earlier?.state ?? [], state)
      ? known
      : choicesOf(move, game, state)
  })
  if (earlier !== undefined && lists.every((list, index) => list === earlier.lists[index])) {
    return { ...earlier, state }
  }
  const commands = lists.flatMap((list) => list.map(({ command }) => command)).toSorted()
  const sorted = commands.filter((command, index) => command !== commands[index - 1])
  return { state, lists, sorted }
}

/** Where two actions have the same command, it means the one that the domain declares first. */
const find = ({ lists }: Choices, wanted: string): Choice | undefined => {
  for (const list of lists) {
    const found = list.find(({ command }) => command === wanted)
    if (found !== undefined) return found
  }
  return undefined
}

const isSteady = ({ action, texts }: Move, before: State, after: State): boolean =>
  texts.decidedBy !== undefined &&
  action.reads.every((predicate) => before[predicate] === after[predicate])

const choicesOf = (move: Move, game: Game, state: State): ReadonlyArray<Choice> => {
  const found: Array<Choice> = []
  Ground.applicable(move.action, state, (objects) => {
    found.push({ command: commandOf(move, game, state, objects), move, objects })
    return false
  })
  return found
}

const commandOf = (
  { texts, written }: Move,
  game: Game,
  state: State,
  objects: ReadonlyArray<number>
): string => {
  const { decidedBy } = texts
  if (decidedBy === undefined || decidedBy.length > arityLimit) {
    return texts.command(scene({ game, state }, texts.slots, objects))
  }
  let key = 0
  for (const position of decidedBy) key = key * objectLimit + (objects[position] ?? 0)
  const known = written.get(key)
  if (known !== undefined) return known
  const command = texts.command(scene({ game, state }, texts.slots, objects))
  written.set(key, command)
  return command
}

/** Which predicates have the same facts in every state of the game. */
const fixedIn = (
  { vocabulary }: Ground.Setting,
  actions: ReadonlyArray<Ground.Action>
): ((predicate: string) => boolean) => {
  const changing = Ground.changedBy(actions)
  for (const [positive, negative] of vocabulary.negations) {
    if (changing.has(positive)) changing.add(negative)
  }
  return (predicate) => !changing.has(vocabulary.predicateNumbers.get(predicate) ?? -1)
}

const scene = (
  { game, state }: Pick<Situation, "game" | "state">,
  bound: ReadonlyArray<number>,
  objects: ReadonlyArray<number>
): Grammar.Scene => {
  const slots: Array<number> = []
  for (let slot = 0; slot < game.grammar.slotCount; slot++) slots.push(-1)
  for (let index = 0; index < bound.length; index++) {
    slots[bound[index] ?? 0] = objects[index] ?? -1
  }
  return { state, entities: game.entities, slots }
}

/** Only what some initial fact speaks of is an entity with a name of its own. */
const entitiesOf = (
  { vocabulary, initial }: Ground.Setting,
  numbering?: Seed.Key
): Grammar.Entities => {
  const present = new Set<number>()
  for (const { arity, facts } of initial) {
    for (const fact of facts) {
      for (let position = 0; position < arity; position++) {
        present.add(argumentOf(arity, fact, position))
      }
    }
  }
  const { objects } = vocabulary
  const names = Names.display(
    objects.flatMap(({ name }, number) => (present.has(number) ? [name] : [])),
    numbering
  )
  return { objects, names: objects.map(({ name }) => names.get(name) ?? name) }
}

/** A shelf for the last few texts read: most games share their domain, and many their grammar. */
const remembering = <A>(read: (text: string) => A): ((text: string) => A) => {
  const capacity = 32
  const known = new Map<string, A>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const value = read(text)
    const [oldest] = known.keys()
    if (known.size >= capacity && oldest !== undefined) known.delete(oldest)
    known.set(text, value)
    return value
  }
}

const readDomain = remembering(Pddl.readDomain)
const readGrammar = remembering(GrammarText.readDocument)

/** What the readers raise becomes a value that names the file and the field; anything else is a defect of ours. */
const reading = <A>(
  file: string,
  field: "pddl_domain" | "pddl_problem" | "grammar",
  read: () => A
): Result.Result<A, GameFileError> =>
  Result.try({
    try: read,
    catch: (cause) => {
      if (!(cause instanceof PddlError || cause instanceof GrammarText.GrammarError)) throw cause
      const reason = cause instanceof PddlError ? "pddl" : "grammar"
      return new GameFileError({ reason, file, field, detail: cause.message })
    }
  })
