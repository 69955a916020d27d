/**
 * A call of a tool written as Python would, `name(key='value', other=[1, 2.5])`, turned into JSON text.
 * It reads literals only and evaluates nothing; numbers keep their spelling, so that 5 and 5.0 stay apart.
 */

/** `arguments` is the text of a JSON object, its keys in the order written. */
export interface PythonCall {
  readonly name: string
  readonly arguments: string
}

/**
 * The call, or undefined where the text is none: then it is a message. As in tau2-bench's gym a call is one line, bare names
 * are strings, tuples are lists, and only arguments with a name count.
 */
export const read = (text: string): PythonCall | undefined => {
  const [, name, inside] = /^(\w+)\s*\((.*)\)$/.exec(text.trim()) ?? []
  if (name === undefined || inside === undefined) return undefined
  const cursor: Cursor = { source: inside, at: 0, depth: 0 }
  const members = readList(cursor, readArgument, "")
  const isWhole = cursor.at === inside.length
  return members === undefined || !isWhole
    ? undefined
    : { name, arguments: `{${members.filter((member) => member !== "").join(", ")}}` }
}

/** `at` is where reading goes on; `depth` counts open brackets. */
interface Cursor {
  readonly source: string
  at: number
  depth: number
}

/** Reads one thing and gives its JSON text; undefined where there is no such thing. */
type Reader = (cursor: Cursor) => string | undefined

/** Deeper than any tool's arguments, and far from the end of the stack. */
const deepest = 64

const skipBlanks = (cursor: Cursor): void => {
  while (cursor.source[cursor.at] === " " || cursor.source[cursor.at] === "\t") cursor.at++
}

const take = (cursor: Cursor, character: string): boolean => {
  skipBlanks(cursor)
  const isThere = cursor.source[cursor.at] === character
  if (isThere) cursor.at++
  return isThere
}

const takeMatch = (cursor: Cursor, pattern: RegExp): string | undefined => {
  skipBlanks(cursor)
  const sticky = new RegExp(pattern, "y")
  sticky.lastIndex = cursor.at
  const [found] = sticky.exec(cursor.source) ?? []
  cursor.at += found?.length ?? 0
  return found
}

/** Items between commas up to `end`, which is taken; `end` is empty for the end of the text. A last comma is allowed. */
const readList = (cursor: Cursor, item: Reader, end: string): Array<string> | undefined => {
  const items: Array<string> = []
  const isAtEnd = () => {
    skipBlanks(cursor)
    return end === "" ? cursor.at === cursor.source.length : take(cursor, end)
  }
  while (!isAtEnd()) {
    const found = item(cursor)
    if (found === undefined) return undefined
    items.push(found)
    if (isAtEnd()) return items
    if (!take(cursor, ",")) return undefined
  }
  return items
}

/** `key=value` as a member of a JSON object; a value without a name is nothing. */
const readArgument: Reader = (cursor) => {
  const start = cursor.at
  const name = takeMatch(cursor, /[A-Za-z_]\w*/)
  if (name !== undefined && take(cursor, "=") && cursor.source[cursor.at] !== "=") {
    const value = readValue(cursor)
    return value === undefined ? undefined : `${JSON.stringify(name)}: ${value}`
  }
  cursor.at = start
  return readValue(cursor) === undefined ? undefined : ""
}

const readValue: Reader = (cursor) => {
  if (cursor.depth > deepest) return undefined
  cursor.depth++
  const found =
    readText(cursor) ??
    readNumber(cursor) ??
    readWord(cursor) ??
    readBracket(cursor, "[", "]") ??
    readBracket(cursor, "(", ")") ??
    readObject(cursor)
  cursor.depth--
  return found
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"'
}

/** A string in single or double quotes. An escape that Python does not know stands for itself, backslash included. */
const readText: Reader = (cursor) => {
  const quoted = takeMatch(cursor, /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/)
  if (quoted === undefined) return undefined
  const text = quoted
    .slice(1, -1)
    .replaceAll(/\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))/g, (all, unicode, byte, single) =>
      typeof single === "string"
        ? (escapes[single] ?? all)
        : String.fromCharCode(Number.parseInt(unicode ?? byte, 16))
    )
  return JSON.stringify(text)
}

/** An int or a float. Python's `1_000`, `.5`, `5.` and `+1` become `1000`, `0.5`, `5.0` and `1`. */
const readNumber: Reader = (cursor) => {
  const spelled = takeMatch(cursor, /[+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/)
  return spelled
    ?.replaceAll("_", "")
    .replace(/^\+/, "")
    .replace(/^(-?)0+(?=\d)/, "$1")
    .replace(/^(-?)\./, "$10.")
    .replace(/\.(?=$|[eE])/, ".0")
}

const words: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" }

const readWord: Reader = (cursor) => {
  const word = takeMatch(cursor, /[A-Za-z_]\w*/)
  return word === undefined
    ? undefined
    : Object.hasOwn(words, word)
      ? words[word]
      : JSON.stringify(word)
}

const readBracket = (cursor: Cursor, start: string, end: string): string | undefined => {
  if (!take(cursor, start)) return undefined
  const items = readList(cursor, readValue, end)
  return items === undefined ? undefined : `[${items.join(", ")}]`
}

const readObject: Reader = (cursor) => {
  if (!take(cursor, "{")) return undefined
  const members = readList(cursor, readMember, "}")
  return members === undefined ? undefined : `{${members.join(", ")}}`
}

const readMember: Reader = (cursor) => {
  const key = readText(cursor)
  const value = key !== undefined && take(cursor, ":") ? readValue(cursor) : undefined
  return value === undefined ? undefined : `${key}: ${value}`
}
