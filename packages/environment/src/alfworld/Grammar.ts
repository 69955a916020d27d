/**
 * TextWorld's grammar over PDDL facts: writes an action's command and feedback, and the opening text.
 * It decides nothing about the game: it only says what holds.
 *
 * The first rule whose condition has a solution is used. Queries keep what is already bound, give different
 * variables different entities, and find their solutions in the order of the facts.
 */
import type { Typed } from "../pddl/Pddl.ts"
import * as State from "../pddl/State.ts"
import type { Vocabulary } from "../pddl/Vocabulary.ts"
import { decidedBy } from "./CommandText.ts"
import * as GrammarText from "./GrammarText.ts"

/** What a text may speak of: entities by number. */
export interface Entities {
  readonly objects: ReadonlyArray<Typed>
  readonly names: ReadonlyArray<string>
}

/** A state, who is who, and the variables bound so far (-1: not bound). */
export interface Scene {
  readonly state: State.State
  readonly entities: Entities
  readonly slots: Array<number>
}

/** Writes a text for a scene. */
export type Write = (scene: Scene) => string

/**
 * The texts of one action. `slots` are those of its parameters; `decidedBy` the positions of those that decide the
 * command, where no state does.
 */
export interface ActionTexts {
  readonly command: Write
  readonly feedback: Write
  readonly decidedBy: ReadonlyArray<number> | undefined
  readonly slots: ReadonlyArray<number>
}

/** A grammar whose predicates are those of a vocabulary. */
export interface Grammar {
  readonly slotCount: number
  readonly intro: Write
  readonly actions: ReadonlyMap<string, ActionTexts>
}

/** An action of the domain: its name and its parameters without question marks. */
interface Signature {
  readonly name: string
  readonly parameters: ReadonlyArray<string>
}

/**
 * Raises `GrammarError` when a symbol or an action has no text, or a symbol none that always applies, or one that is
 * written by itself or without measure. `isFixed`: no action changes the facts of a predicate of this name.
 */
export const make = (
  document: GrammarText.Document,
  signatures: ReadonlyArray<Signature>,
  vocabulary: Vocabulary,
  isFixed: (predicate: string) => boolean = () => false
): Grammar => {
  const compiling: Compiling = {
    document,
    vocabulary,
    isFixed,
    slots: new Map(),
    symbols: new Map(),
    sizes: new Map(),
    path: []
  }
  const intro = symbolText("intro", compiling)
  const texts = new Map(signatures.map((each) => [each.name, actionTexts(each, compiling)]))
  return { slotCount: compiling.slots.size, intro, actions: texts }
}

/** The predicates `not_p` that the document asks for. */
export const negatedPredicates = (document: GrammarText.Document): ReadonlyArray<string> => {
  const rules = [...document.rules.values()].flat()
  const texts = rules.flatMap(({ condition = "", rhs }) => [condition, rhs])
  return texts.flatMap((text) => text.match(/\bnot_[\w/-]+/g) ?? [])
}

const missing = (detail: string): never => {
  throw new GrammarText.GrammarError({ reason: "missing", detail })
}

interface Compiling {
  readonly document: GrammarText.Document
  readonly vocabulary: Vocabulary
  readonly isFixed: (predicate: string) => boolean
  readonly slots: Map<string, number>
  readonly symbols: Map<string, Write>
  /** How many parts the text of a symbol has at most, lists of solutions counted once. */
  readonly sizes: Map<string, number>
  /** The symbols that are being written, from the outermost to the innermost. */
  readonly path: ReadonlyArray<string>
}

const slotOf = (name: string, { slots }: Compiling): number => {
  const slot = slots.get(name) ?? slots.size
  slots.set(name, slot)
  return slot
}

const actionTexts = ({ name, parameters }: Signature, compiling: Compiling): ActionTexts => {
  const text = compiling.document.actions.get(name) ?? missing(`the grammar has no action ${name}`)
  const template = GrammarText.readParts(text.template)
  return {
    command: sequence(template, compiling),
    feedback: sequence(GrammarText.readParts(text.feedback), compiling),
    decidedBy: decidedBy({ parts: template, parameters }, compiling.document, compiling.isFixed),
    slots: parameters.map((parameter) => slotOf(parameter, compiling))
  }
}

const sequence = (parts: ReadonlyArray<GrammarText.Part>, compiling: Compiling): Write => {
  const writes = parts.map((part) => compilePart(part, compiling))
  sizeOf(parts, compiling)
  const [only] = writes
  if (writes.length === 1 && only !== undefined) return only
  return (scene) => {
    let text = ""
    for (const write of writes) text += write(scene)
    return text
  }
}

const compilePart = (part: GrammarText.Part, compiling: Compiling): Write => {
  switch (part._tag) {
    case "Text":
      return () => part.text
    case "Symbol":
      return symbolText(part.symbol, compiling)
    case "Solutions": {
      const item =
        "_tag" in part.of ? compilePart(part.of, compiling) : compileExpression(part.of, compiling)
      const items = part.query === undefined ? undefined : all(part.query, item, compiling)
      if (items === undefined) return item
      if (!part.isList) return (scene) => items(scene).join("")
      return list(items, compiling)
    }
  }
}

/** Conditions do not break a circle: in some state it might be gone round for ever. */
const symbolText = (symbol: string, compiling: Compiling): Write => {
  const known = compiling.symbols.get(symbol)
  if (known !== undefined) return known
  const path = [...compiling.path, symbol]
  if (compiling.path.includes(symbol)) refuseCircle(path)
  if (path.length > depthLimit) refuseSize(`#${symbol}# is written ${path.length} symbols deep`)
  const rules =
    compiling.document.rules.get(symbol) ?? missing(`the grammar has no symbol #${symbol}#`)
  const always = rules.findIndex(({ condition = "" }) => condition === "")
  if (always < 0) missing(`every rule of the symbol #${symbol}# has a condition`)
  const readings = rules.slice(0, always + 1).map(({ condition = "", rhs }) => ({
    condition,
    parts: GrammarText.readParts(rhs)
  }))
  const alternatives = readings.map(({ condition, parts }) => ({
    holds: condition === "" ? () => true : some(GrammarText.readQuery(condition), compiling),
    write: sequence(parts, { ...compiling, path })
  }))
  const write: Write = (scene) => alternatives.find(({ holds }) => holds(scene))?.write(scene) ?? ""
  compiling.symbols.set(symbol, write)
  const sizes = readings.map(({ parts }) => sizeOf(parts, compiling))
  compiling.sizes.set(
    symbol,
    sizes.reduce((most, size) => Math.max(most, size), 0)
  )
  return write
}

/** Nobody nests texts deeper, nor puts one together from more parts; in a few lines a file could ask for terabytes. */
const depthLimit = 200
const sizeLimit = 10_000

const sizeOf = (parts: ReadonlyArray<GrammarText.Part>, compiling: Compiling): number => {
  const sizes = parts.map((part): number => {
    if (part._tag === "Text") return 1
    if (part._tag === "Symbol") return compiling.sizes.get(part.symbol) ?? 1
    return "_tag" in part.of ? sizeOf([part.of], compiling) : 1
  })
  const size = sizes.reduce((sum, one) => sum + one, 0)
  return size <= sizeLimit ? size : refuseSize(`a text has ${size} parts, more than ${sizeLimit}`)
}

const refuseSize = (detail: string): never => {
  throw new GrammarText.GrammarError({ reason: "size", detail })
}

const refuseCircle = (path: ReadonlyArray<string>): never => {
  const names = path.map((symbol) => `#${symbol}#`).join(" is written with ")
  throw new GrammarText.GrammarError({ reason: "circle", detail: names })
}

const list = (items: (scene: Scene) => ReadonlyArray<string>, compiling: Compiling): Write => {
  const empty = symbolText("list_empty", compiling)
  const separator = symbolText("list_separator", compiling)
  const lastSeparator = symbolText("list_last_separator", compiling)
  return (scene) => {
    const texts = items(scene)
    const last = texts[texts.length - 1]
    if (last === undefined) return empty(scene)
    if (texts.length === 1) return last
    return texts.slice(0, -1).join(separator(scene)) + lastSeparator(scene) + last
  }
}

/** Every entity's article is the same; TextWorld chooses none by sound ("a alarmclock 2"). */
const attributes = new Map<string, (object: number, entities: Entities) => string>([
  ["name", (object, { names }) => names[object] ?? ""],
  ["id", (object, { objects }) => objects[object]?.name ?? ""],
  ["type", (object, { objects }) => objects[object]?.type ?? ""],
  ["indefinite", () => "a"],
  ["definite", () => "the"]
])

const compileExpression = (expression: GrammarText.Expression, compiling: Compiling): Write => {
  const sums = expression.map((operands) => {
    const writes = operands.map((operand) => compileOperand(operand, compiling))
    return (scene: Scene): string => {
      let text = ""
      for (const write of writes) text += write(scene)
      return text
    }
  })
  const [only] = sums
  if (sums.length === 1 && only !== undefined) return only
  return (scene) => {
    for (const sum of sums) {
      const text = sum(scene)
      if (text !== "") return text
    }
    return ""
  }
}

const compileOperand = (operand: GrammarText.Operand, compiling: Compiling): Write => {
  if (operand._tag === "Quoted") return () => operand.text
  const attribute =
    attributes.get(operand.attribute) ?? missing(`entities have no attribute ${operand.attribute}`)
  const slot = slotOf(operand.variable, compiling)
  return ({ slots, entities }) => attribute(slots[slot] ?? -1, entities)
}

interface Lookup {
  readonly predicate: number
  readonly slots: ReadonlyArray<number>
  readonly types: ReadonlyArray<string>
}

/** A predicate that the domain does not have never holds. */
const lookups = (
  query: ReadonlyArray<GrammarText.Conjunct>,
  compiling: Compiling
): ReadonlyArray<Lookup> =>
  query.map(({ predicate, variables }) => ({
    predicate: compiling.vocabulary.predicateNumbers.get(predicate) ?? -1,
    slots: variables.map(({ name }) => slotOf(name, compiling)),
    types: variables.map(({ type }) => type)
  }))

const some = (query: ReadonlyArray<GrammarText.Conjunct>, compiling: Compiling) => {
  const steps = lookups(query, compiling)
  return (scene: Scene): boolean => solve(steps, 0, scene, () => true)
}

const all = (
  query: ReadonlyArray<GrammarText.Conjunct>,
  item: Write,
  compiling: Compiling
): ((scene: Scene) => ReadonlyArray<string>) => {
  const steps = lookups(query, compiling)
  return (scene) => {
    const texts: Array<string> = []
    solve(steps, 0, scene, () => {
      texts.push(item(scene))
      return false
    })
    return texts
  }
}

const solve = (
  steps: ReadonlyArray<Lookup>,
  depth: number,
  scene: Scene,
  visit: () => boolean
): boolean => {
  const step = steps[depth]
  if (step === undefined) return visit()
  const relation = scene.state[step.predicate]
  if (relation === undefined || relation.arity !== step.slots.length) return false
  for (const fact of candidates(step, relation, scene)) {
    const taken: Array<number> = []
    const isAccepted = accept(step, fact, scene, taken)
    const isEnded = isAccepted && solve(steps, depth + 1, scene, visit)
    for (const slot of taken) scene.slots[slot] = -1
    if (isEnded) return true
  }
  return false
}

const candidates = ({ slots }: Lookup, relation: State.Relation, scene: Scene) => {
  const anchor = slots.findIndex((slot) => isBound(scene.slots[slot]))
  const object = scene.slots[slots[anchor] ?? -1]
  return anchor < 0 || object === undefined
    ? relation.facts
    : State.matching(relation, anchor, object)
}

const isBound = (object: number | undefined): boolean => object !== undefined && object >= 0

/** Binds the open variables of the step to the fact's arguments; `taken` are the slots it filled, also when it fails. */
const accept = (step: Lookup, fact: number, scene: Scene, taken: Array<number>): boolean => {
  const arity = step.slots.length
  for (let position = 0; position < arity; position++) {
    const slot = step.slots[position] ?? 0
    const object = State.argumentOf(arity, fact, position)
    if (isBound(scene.slots[slot])) {
      if (scene.slots[slot] !== object) return false
      continue
    }
    const isOfType = scene.entities.objects[object]?.type === step.types[position]
    if (!isOfType || scene.slots.includes(object)) return false
    scene.slots[slot] = object
    taken.push(slot)
  }
  return true
}
