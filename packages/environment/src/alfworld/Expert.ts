/**
 * A scripted player of ALFWorld games: finds, takes, treats and places by subgoals, with a memory of what it saw.
 * It reads the visible text alone, so it plays synthetic worlds as well; it neither plans nor learns.
 *
 * The subgoals are those of ALFWorld's handcoded expert; where it looks first comes from `Whereabouts`.
 */
import { History, type Policy } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Goal from "./Goal.ts"
import { likelihood } from "./Whereabouts.ts"

/** What the text has shown so far. `contents` knows only receptacles whose inside was seen. */
export interface Memory {
  readonly goal: Goal.Goal | undefined
  readonly receptacles: ReadonlyArray<string>
  readonly contents: ReadonlyMap<string, ReadonlyArray<string>>
  readonly closed: ReadonlySet<string>
  readonly here: ReadonlyArray<string>
  readonly held: string | undefined
  readonly treated: ReadonlySet<string>
}

/** What the expert knows at the opening text. */
export const start = (observation: string): Memory => ({
  goal: Goal.parse(Goal.sentenceOf(observation) ?? ""),
  receptacles: thingsIn(/you see (.+?)\./.exec(observation)?.[1] ?? ""),
  contents: new Map(),
  closed: new Set(),
  here: [],
  held: undefined,
  treated: new Set()
})

/** What the expert knows after a command and its answer. */
export const observe = (memory: Memory, turn: History.Turn): Memory =>
  hearings.reduce((known, [pattern, learn]) => {
    const found = pattern.exec(turn.observation)
    return found === null ? known : learn(known, found[1] ?? "", found[2] ?? "", turn.action)
  }, memory)

/** The next command; `look` when there is nothing left to try or the goal is none of the known ones. */
export const decide = (memory: Memory): string => {
  const { goal, held } = memory
  if (goal === undefined) return "look"
  const command =
    held !== undefined && kindOf(held) === goal.object
      ? rules[goal._tag](goal, held, memory)
      : fetch(goal, memory)
  return command ?? "look"
}

const recall = History.memoizedFold(start, observe)

/** The next command after a history. */
export const act = (history: History.History): string => decide(recall(history))

/** The expert as a policy. */
export const policy: Policy.Policy["Service"] = {
  name: "alfworld-expert",
  version: Effect.succeed(-1),
  act: ({ history }) => Effect.succeed({ text: act(history) })
}

const kindOf = (name: string): string => name.split(" ")[0] ?? name

/** "a mug 1, a cup 2, and a pan 1" without the articles; "nothing" is nothing. */
const thingsIn = (list: string): ReadonlyArray<string> =>
  list.match(/[a-z]+ \d+/g)?.map((name) => name.replace(/^(a|and) /, "")) ?? []

type Learn = (memory: Memory, first: string, second: string, command: string) => Memory

const seeing: Learn = (memory, receptacle, list) => ({
  ...memory,
  contents: new Map(memory.contents).set(receptacle, thingsIn(list)),
  closed: new Set([...memory.closed].filter((other) => other !== receptacle))
})

const closing: Learn = (memory, receptacle) => ({
  ...memory,
  closed: new Set(memory.closed).add(receptacle)
})

const taking: Learn = (memory, object, receptacle) => ({
  ...memory,
  held: object,
  contents: new Map(memory.contents).set(
    receptacle,
    (memory.contents.get(receptacle) ?? []).filter((other) => other !== object)
  )
})

const putting: Learn = (memory, object, receptacle) => ({
  ...memory,
  held: undefined,
  contents: new Map(memory.contents).set(receptacle, [
    ...(memory.contents.get(receptacle) ?? []),
    object
  ])
})

/** One does not go where one already stands: what was refused is within reach. */
const refusal: Learn = (memory, _first, _second, command) => {
  const receptacle = /^go to (.+)$/.exec(command)?.[1]
  return receptacle === undefined ? memory : { ...memory, here: [...memory.here, receptacle] }
}

const hearings: ReadonlyArray<readonly [RegExp, Learn]> = [
  [/^You arrive at (.+?)\./, (memory, receptacle) => ({ ...memory, here: [receptacle] })],
  [/On the (.+?), you see (.+?)\./, seeing],
  [/The (.+?) is open\. In it, you see (.+?)\./, seeing],
  [/The (.+?) is closed\./, closing],
  [/You close the (.+?)\./, closing],
  [/^You pick up the (.+?) from the (.+?)\./, taking],
  [/^You move the (.+?) to the (.+?)\./, putting],
  [
    /^You (?:clean|heat|cool) the (.+?) using the/,
    (memory, object) => ({ ...memory, treated: new Set(memory.treated).add(object) })
  ],
  [/^Nothing happens\./, refusal]
]

type Held = (goal: Goal.Goal, held: string, memory: Memory) => string | undefined

const rules: Readonly<Record<Goal.Goal["_tag"], Held>> = {
  Examine: (goal, _held, memory) =>
    goal._tag === "Examine" ? shineOn(goal.lamp, memory) : undefined,
  Place: (goal, held, memory) => {
    if (goal._tag !== "Place") return undefined
    const { treatment } = goal
    if (treatment !== undefined && !memory.treated.has(held)) {
      const tool = ofKind(Goal.treatments[treatment], memory)[0]
      return tool && at(tool, memory, `${treatment} ${held} with ${tool}`)
    }
    const target = targetOf(goal.receptacle, goal.object, memory)
    return target && inside(target, memory, `move ${held} to ${target}`)
  }
}

const ofKind = (kind: string, { receptacles }: Memory): ReadonlyArray<string> =>
  receptacles.filter((receptacle) => kindOf(receptacle) === kind)

/** What is to be done at a receptacle, or the way there. */
const at = (receptacle: string, { here }: Memory, command: string): string =>
  here.includes(receptacle) ? command : `go to ${receptacle}`

/** The same for what needs an open door. */
const inside = (receptacle: string, memory: Memory, command: string): string =>
  at(receptacle, memory, memory.closed.has(receptacle) ? `open ${receptacle}` : command)

const shineOn = (kind: string, memory: Memory): string | undefined => {
  const [lamp, receptacle] = seen(kind, memory, [])[0] ?? []
  if (lamp === undefined || receptacle === undefined) return explore(kind, memory)
  return at(receptacle, memory, `use ${lamp}`)
}

/** Where to put: best beside another of the kind, then where one stands, then where the door is open. */
const targetOf = (kind: string, object: string, memory: Memory): string | undefined => {
  const rank = (receptacle: string): number => {
    const things = memory.contents.get(receptacle) ?? []
    if (things.some((thing) => kindOf(thing) === object)) return 0
    if (memory.here.includes(receptacle)) return 1
    return memory.contents.has(receptacle) && !memory.closed.has(receptacle) ? 2 : 3
  }
  return ofKind(kind, memory).toSorted((left, right) => rank(left) - rank(right))[0]
}

/** Known objects of a kind with their receptacles, except in the receptacles left out. */
const seen = (
  kind: string,
  { contents }: Memory,
  except: ReadonlyArray<string>
): ReadonlyArray<readonly [string, string]> =>
  [...contents].flatMap(([receptacle, things]) =>
    except.includes(receptacle)
      ? []
      : things
          .filter((thing) => kindOf(thing) === kind)
          .map((thing): readonly [string, string] => [thing, receptacle])
  )

const fetch = (goal: Goal.Goal, memory: Memory): string | undefined => {
  const found = seen(goal.object, memory, settled(goal, memory))
  const [object, receptacle] =
    found.find(([, where]) => memory.here.includes(where)) ?? found[0] ?? []
  if (object === undefined || receptacle === undefined) return explore(goal.object, memory)
  return inside(receptacle, memory, `take ${object} from ${receptacle}`)
}

/** What lies where the goal wants it stays there, unless it must first be treated. */
const settled = (goal: Goal.Goal, memory: Memory): ReadonlyArray<string> => {
  if (goal._tag === "Examine" || goal.treatment !== undefined) return []
  const target = targetOf(goal.receptacle, goal.object, memory)
  return target === undefined ? [] : [target]
}

const doors: ReadonlyArray<string> = ["cabinet", "drawer", "fridge", "microwave", "safe"]

/** Looks where the chance of finding the kind per command spent is best. */
const explore = (kind: string, memory: Memory): string | undefined => {
  const promise = (receptacle: string): number => {
    const place = kindOf(receptacle)
    const steps = memory.here.includes(receptacle) ? 0 : 1
    const cost = steps + (doors.includes(place) || steps === 0 ? 1 : 0)
    return likelihood(kind, place) / ofKind(place, memory).length / cost
  }
  const unknown = memory.receptacles.filter((receptacle) => !memory.contents.has(receptacle))
  const best = unknown.toSorted((left, right) => promise(right) - promise(left))[0]
  return best && inside(best, memory, `examine ${best}`)
}
