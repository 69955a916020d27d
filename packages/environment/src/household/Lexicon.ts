/**
 * The words of a world of the household language: every phrase that is one token, as long as is
 * useful. Text is read by the longest entry at each position after skipped blanks, and written with
 * single blanks, none before a stop or a comma.
 */
import * as Command from "./Command.ts"
import * as Goal from "./Goal.ts"
import * as Words from "./Words.ts"

/** The lexicon of a world in which places have these names; without doubles, in a fixed order. */
export const make = (
  world: Words.World,
  places: ReadonlyArray<string>,
  phrases: ReadonlyArray<string> = []
): ReadonlyArray<string> => [
  ...new Set([
    ...language,
    ...phrases,
    ...world.placeKinds,
    ...world.objectKinds,
    ...world.lampKinds,
    ...places,
    ...world.listable
  ])
]

const overview = "You are in the middle of a room. Looking quickly around you, you see"

/** Phrases that only ALFWorld's own games use. */
export const alfWorldPhrases: ReadonlyArray<string> = [
  `-= Welcome to TextWorld, ALFRED! =-\n\n${overview}`,
  "put some",
  "on",
  "clean some",
  "heat some",
  "cool some",
  "and put it in",
  "find two",
  "and put them in",
  "examine the",
  "with the",
  ",",
  ", and",
  "This is a normal",
  ". In it, you see",
  "This",
  "is on.",
  "sliced",
  "slice",
  "You sliced the",
  "help"
]

/** Phrases that only houses with rooms use. */
export const roomPhrases: ReadonlyArray<string> = [
  "You are in the middle of",
  "You are in",
  ", facing the",
  ". Looking quickly around you, you see",
  ". From here you can go to",
  ",",
  ", and"
]

const observations = [
  overview,
  ".\n\nYour task is to:",
  "You arrive at",
  "You open the",
  "You close the",
  "You pick up the",
  "from the",
  "You move the",
  "to the",
  "You clean the",
  "You heat the",
  "You cool the",
  "using the",
  "You turn on the",
  "Nothing happens.",
  "You are carrying:",
  "You are not carrying anything.",
  "You are facing the",
  ". Next to it, you see",
  "This is a",
  "There's nothing special about",
  "hot and clean",
  "cool and clean",
  "cold",
  "The",
  ". The",
  "is closed.",
  "is open. In it, you see",
  "On the",
  ". On the",
  ", you see",
  "a",
  ", a",
  ", and a",
  "."
]

const commands = [
  ...Object.values(Command.word).filter((word) => word !== "slice" && word !== "help"),
  ...Object.values(Command.preposition)
]

const counts = Array.from({ length: Words.mostTold + 1 }, (_, count) => count)

/** Everything but kinds and numbered things. */
const language: ReadonlyArray<string> = [
  ...observations,
  ...commands,
  "put a",
  "under the",
  ...Object.values(Goal.word),
  ...Object.values(Words.notebook),
  ...Words.statuses,
  ...Object.values(Words.reasoning),
  ...Object.values(Words.failures),
  ...[0, 1, 2].map(Words.progress),
  ...counts.map(Words.left),
  ...counts.map(Words.known)
]
