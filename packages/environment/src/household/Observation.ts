/**
 * Observation sentences of the household language, ALFWorld's own included, read into what they
 * say. It remembers nothing: that is the business of `Notebook`.
 */

/** What is told of a place: its door is closed, or it lies open to view with its contents. */
export interface View {
  readonly status: "closed" | "open" | "visible"
  readonly contents: ReadonlyArray<string>
}

/** What is told of a room: the places that stand there, and the rooms where one can go from it. */
export interface RoomView {
  readonly places: ReadonlyArray<string>
  readonly exits: ReadonlyArray<string>
}

export const nothingHappens = "Nothing happens."

/** The places named by a first observation, in its order; undefined where it names none. */
export const places = (first: string): ReadonlyArray<string> | undefined => {
  const [, listed] = overview.exec(first) ?? []
  const names = listed === undefined ? undefined : items(listed, "a ")
  return names !== undefined && names.length > 0 ? names : undefined
}

/** The room in the middle of which one stands; undefined where the text names none. */
export const middle = (text: string): string | undefined => inMiddle.exec(text)?.[1]

/** What a text tells of the room that one looks around; undefined where it tells no exits. */
export const room = (text: string): RoomView | undefined => {
  const [, listed = "", ways = ""] = around.exec(text) ?? []
  const places = items(listed, "a ")
  const exits = items(ways, "")
  return places === undefined || exits === undefined ? undefined : { places, exits }
}

/** The goal's sentence in a first observation, without its final stop. */
export const task = (first: string): string | undefined => asked.exec(first)?.[1]

/** The same first observation under another goal. */
export const withTask = (first: string, sentence: string): string =>
  first.replace(asked, () => `Your task is to: ${sentence}.`)

/** What a sentence says of this place; undefined where it is not about it or no such sentence. */
export const view = (text: string, place: string): View | undefined => {
  if (text === `The ${place} is closed.`) return { status: "closed", contents: [] }
  const open = listAfter(text, `The ${place} is open. In it, you see `)
  if (open !== undefined) return { status: "open", contents: open }
  const visible = listAfter(text, `On the ${place}, you see `)
  return visible === undefined ? undefined : { status: "visible", contents: visible }
}

/** Every numbered word in a text ("mug 1"). */
export const numbered = (text: string): ReadonlyArray<string> => text.match(/[a-z]+ \d+/g) ?? []

/** The kind of a numbered word ("mug" of "mug 1"); undefined for a word without number. */
export const kindOf = (name: string): string | undefined => {
  const blank = name.lastIndexOf(" ")
  return blank > 0 && isNumber(name, blank + 1) ? name.slice(0, blank) : undefined
}

const overview = /Looking quickly around you, you see ([^.]*)\./
const inMiddle = /^You are in the middle of ([a-z]+ \d+)\. /
const around = /Looking quickly around you, you see ([^.]*)\. From here you can go to ([^.]*)\./
const asked = /Your task is to: ([^\n]*?)\.?$/

const isNumber = (text: string, from: number): boolean => {
  if (from >= text.length) return false
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 48 || code > 57) return false
  }
  return true
}

const listAfter = (text: string, head: string): ReadonlyArray<string> | undefined =>
  text.startsWith(head) && text.endsWith(".") ? items(text.slice(head.length, -1), "a ") : undefined

/** `a mug 1, a pen 2, and a pen 1`, or `nothing`; rooms have no article. */
const items = (listed: string, article: string): ReadonlyArray<string> | undefined => {
  if (listed === "nothing") return []
  const names: Array<string> = []
  const parts = listed.split(", ")
  const last = parts.length - 1
  for (const [index, part] of parts.entries()) {
    const head = index === last && last > 0 ? `and ${article}` : article
    if (!part.startsWith(head)) return undefined
    const name = part.slice(head.length)
    if (kindOf(name) === undefined) return undefined
    names.push(name)
  }
  return names
}
