/**
 * What a task asks, read from its sentence and written as one.
 * It does not say whether it is reached: that is the business of `Judgement`.
 */

/**
 * `put` an object in a place, `look` at it under the lamp, put it there `clean`, `hot` or `cool`,
 * or put `two` of them. The six kinds of tasks of ALFWorld.
 */
export type GoalKind = "put" | "look" | "clean" | "hot" | "cool" | "two"

export const kinds: ReadonlyArray<GoalKind> = ["put", "look", "clean", "hot", "cool", "two"]

/** `object` and `place` are kinds ("mug", "shelf"); the place of `look` is the kind of lamp. */
export interface Goal {
  readonly kind: GoalKind
  readonly object: string
  readonly place: string
}

/**
 * The word that stands for the kind of goal in a notebook's text; it also occurs in the sentence.
 */
export const word: Readonly<Record<GoalKind, string>> = {
  put: "in",
  look: "look at",
  clean: "clean",
  hot: "hot",
  cool: "cool",
  two: "put two"
}

/** How many objects must be in place, or how many times lit. */
export const needed = (goal: Goal): number => (goal.kind === "two" ? 2 : 1)

/** The first template of ALFWorld for this goal: `put a clean mug in shelf`. */
export const sentence = ({ kind, object, place }: Goal): string => sentences[kind](object, place)

/**
 * Reads both templates of ALFWorld for each kind, with or without the final stop; undefined for any
 * other text.
 */
export const parse = (text: string): Goal | undefined => {
  const bare = text.trim().replace(/\.$/, "")
  for (const [kind, pattern] of patterns) {
    const [, object, place] = pattern.exec(bare) ?? []
    if (object !== undefined && place !== undefined) return { kind, object, place }
  }
  return undefined
}

const sentences: Readonly<Record<GoalKind, (object: string, place: string) => string>> = {
  put: (object, place) => `put a ${object} in ${place}`,
  look: (object, place) => `look at ${object} under the ${place}`,
  clean: (object, place) => `put a clean ${object} in ${place}`,
  hot: (object, place) => `put a hot ${object} in ${place}`,
  cool: (object, place) => `put a cool ${object} in ${place}`,
  two: (object, place) => `put two ${object} in ${place}`
}

const patterns: ReadonlyArray<readonly [GoalKind, RegExp]> = [
  ["clean", /^put a clean (\w+) in (\w+)$/],
  ["clean", /^clean some (\w+) and put it in (\w+)$/],
  ["hot", /^put a hot (\w+) in (\w+)$/],
  ["hot", /^heat some (\w+) and put it in (\w+)$/],
  ["cool", /^put a cool (\w+) in (\w+)$/],
  ["cool", /^cool some (\w+) and put it in (\w+)$/],
  ["two", /^put two (\w+) in (\w+)$/],
  ["two", /^find two (\w+) and put them in (\w+)$/],
  ["look", /^look at (\w+) under the (\w+)$/],
  ["look", /^examine the (\w+) with the (\w+)$/],
  ["put", /^put a (\w+) in (\w+)$/],
  ["put", /^put some (\w+) on (\w+)$/]
]
