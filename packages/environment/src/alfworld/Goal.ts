/**
 * ALFWorld's goal sentences (two templates for each of the six task types) read back into what they ask for.
 * Whether a goal is reached is decided by the game, not here.
 */

/** What changes an object: the command, and the kind of receptacle that does it. */
export const treatments = {
  clean: "sinkbasin",
  heat: "microwave",
  cool: "fridge"
} as const

export type Treatment = keyof typeof treatments

/** Put `count` treated objects of a kind into one receptacle of a kind, or hold one in the light of a lamp. */
export type Goal =
  | {
      readonly _tag: "Place"
      readonly object: string
      readonly receptacle: string
      readonly count: 1 | 2
      readonly treatment: Treatment | undefined
    }
  | { readonly _tag: "Examine"; readonly object: string; readonly lamp: string }

const sentence = /Your task is to: (.+?)\.?\s*$/

/** The goal sentence at the end of an opening text, without the full stop. */
export const sentenceOf = (observation: string): string | undefined =>
  sentence.exec(observation)?.[1]

type Reading = readonly [RegExp, (object: string, other: string) => Goal]

const place =
  (count: 1 | 2, treatment?: Treatment) =>
  (object: string, receptacle: string): Goal => ({
    _tag: "Place",
    object,
    receptacle,
    count,
    treatment
  })

const examine = (object: string, lamp: string): Goal => ({ _tag: "Examine", object, lamp })

// Order matters where one template is the beginning of another: "put a clean X" before "put a X".
const readings: ReadonlyArray<Reading> = [
  [/^put a clean (\w+) in (\w+)$/, place(1, "clean")],
  [/^clean some (\w+) and put it in (\w+)$/, place(1, "clean")],
  [/^put a hot (\w+) in (\w+)$/, place(1, "heat")],
  [/^heat some (\w+) and put it in (\w+)$/, place(1, "heat")],
  [/^put a cool (\w+) in (\w+)$/, place(1, "cool")],
  [/^cool some (\w+) and put it in (\w+)$/, place(1, "cool")],
  [/^put two (\w+) in (\w+)$/, place(2)],
  [/^find two (\w+) and put them in (\w+)$/, place(2)],
  [/^put a (\w+) in (\w+)$/, place(1)],
  [/^put some (\w+) on (\w+)$/, place(1)],
  [/^look at (\w+) under the (\w+)$/, examine],
  [/^examine the (\w+) with the (\w+)$/, examine]
]

/** Undefined for a sentence of another form. */
export const parse = (goal: string): Goal | undefined => {
  for (const [pattern, read] of readings) {
    const [, object, other] = pattern.exec(goal) ?? []
    if (object !== undefined && other !== undefined) return read(object, other)
  }
  return undefined
}
