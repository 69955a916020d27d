/**
 * A command of the household language, read into its parts and written from them.
 * Whether it would do anything is the business of the notebook's readers.
 */

/** The word of the language for each verb. */
export const word = {
  go: "go to",
  open: "open",
  close: "close",
  take: "take",
  move: "move",
  clean: "clean",
  heat: "heat",
  cool: "cool",
  use: "use",
  examine: "examine",
  look: "look",
  inventory: "inventory",
  slice: "slice",
  help: "help"
} as const

export type Verb = keyof typeof word

/**
 * `take`, `move`, `clean`, `heat` and `cool` have an object and a place; `use` has an object; `go`,
 * `open`, `close` and `examine` name what they concern as `place` (one may also examine an object);
 * the others have neither. Only ALFWorld's own games know `slice` (with a knife as `place`) and
 * `help`.
 */
export interface Command {
  readonly verb: Verb
  readonly object?: string
  readonly place?: string
}

/** The word between object and place. */
export const preposition: Readonly<Partial<Record<Verb, string>>> = {
  take: "from",
  move: "to",
  clean: "with",
  heat: "with",
  cool: "with",
  slice: "with"
}

/** Undefined where the text is no command of this language. */
export const parse = (text: string): Command | undefined => {
  const bare = text.trim()
  const end = bare.indexOf(" ")
  return readers.get(end < 0 ? bare : bare.slice(0, end))?.(bare)
}

export const write = ({ verb, object, place }: Command): string =>
  [word[verb], object, preposition[verb], place].filter((part) => part !== undefined).join(" ")

type Reader = (text: string) => Command | undefined

const bare =
  (verb: Verb): Reader =>
  (text) =>
    text === word[verb] ? { verb } : undefined

const withPlace = (verb: Verb): Reader => {
  const head = `${word[verb]} `
  return (text) => (text.startsWith(head) ? { verb, place: text.slice(head.length) } : undefined)
}

const withObject =
  (verb: Verb): Reader =>
  (text) => ({ verb, object: text.slice(verb.length + 1) })

const withBoth = (verb: Verb, separator: string): Reader => {
  const start = verb.length + 1
  return (text) => {
    const middle = text.indexOf(separator, start)
    return middle < 0
      ? undefined
      : { verb, object: text.slice(start, middle), place: text.slice(middle + separator.length) }
  }
}

const readers: ReadonlyMap<string, Reader> = new Map(
  Object.entries({
    go: withPlace("go"),
    open: withPlace("open"),
    close: withPlace("close"),
    examine: withPlace("examine"),
    use: withObject("use"),
    take: withBoth("take", " from "),
    move: withBoth("move", " to "),
    clean: withBoth("clean", " with "),
    heat: withBoth("heat", " with "),
    cool: withBoth("cool", " with "),
    slice: withBoth("slice", " with "),
    help: bare("help"),
    look: bare("look"),
    inventory: bare("inventory")
  })
)
