/**
 * What is said in a house, as a TextWorld grammar in the observation language of ALFWorld: of a house that is one room,
 * and of one with rooms. What can be done is in `HouseDomain`.
 */
import * as Goal from "./Goal.ts"
import { asks } from "./HouseDomain.ts"

const inIt = "[{o.indefinite + ' ' + o.name | inside(o:object, r:receptacle)}]"

/** The sentence is told from the fact that asks, so that one grammar serves every game. */
const asking = (kind: Goal.GoalKind): { readonly condition: string; readonly rhs: string } => {
  const condition = `${asks[kind]}(k:kind, t:kind)`
  const [object, place] = [`[{k.id | ${condition}}]`, `[{t.id | ${condition}}]`]
  return { condition, rhs: Goal.sentence({ kind, object, place }) }
}

/** One way to say something, where its condition holds. */
interface Rule {
  readonly condition?: string
  readonly rhs: string
}

/** How the start and the answer to `look` are said, and what else these need. */
interface Views {
  readonly intro: ReadonlyArray<Rule>
  readonly surroundings: ReadonlyArray<Rule>
  readonly parts?: Readonly<Record<string, ReadonlyArray<Rule>>>
}

const rules = ({ intro, parts, surroundings }: Views) => ({
  intro,
  task: [...Goal.kinds.map(asking), { rhs: "nothing" }],
  view: [
    { condition: "opened(r:receptacle)", rhs: `The {r.name} is open. In it, you see ${inIt}.` },
    { condition: "openable(r:receptacle)", rhs: "The {r.name} is closed." },
    { rhs: `On the {r.name}, you see ${inIt}.` }
  ],
  inspection: [
    { condition: "clean(o:object) & hot(o:object)", rhs: "This is a hot and clean {o.name}." },
    { condition: "clean(o:object) & cool(o:object)", rhs: "This is a cool and clean {o.name}." },
    { condition: "hot(o:object)", rhs: "This is a hot {o.name}." },
    { condition: "clean(o:object)", rhs: "This is a clean {o.name}." },
    { condition: "cool(o:object)", rhs: "This is a cold {o.name}." },
    { rhs: "There's nothing special about {o.name}." }
  ],
  surroundings,
  hands: [
    {
      condition: "busy(a:agent)",
      rhs: "You are carrying: [{o.indefinite + ' ' + o.name | holds(a:agent, o:object)}]."
    },
    { rhs: "You are not carrying anything." }
  ],
  list_empty: [{ rhs: "nothing" }],
  list_separator: [{ rhs: ", " }],
  list_last_separator: [{ rhs: ", and " }],
  ...parts
})

const texts: ReadonlyArray<readonly [name: string, template: string, feedback: string]> = [
  ["goto", "go to [{r.name | stationed(r:receptacle, to:spot)}]", "You arrive at {r.name}. #view#"],
  ["open", "open {r}", "You open the {r.name}. #view#"],
  ["close", "close {r}", "You close the {r.name}."],
  ["take", "take {o} from {r}", "You pick up the {o.name} from the {r.name}."],
  ["move", "move {o} to {r}", "You move the {o.name} to the {r.name}."],
  ["clean", "clean {o} with {r}", "You clean the {o.name} using the {r.name}."],
  ["heat", "heat {o} with {r}", "You heat the {o.name} using the {r.name}."],
  ["cool", "cool {o} with {r}", "You cool the {o.name} using the {r.name}."],
  ["use", "use {o}", "You turn on the {o.name}."],
  ["regard", "examine {r}", "#view#"],
  ["inspect", "examine {o}", "#inspection#"],
  ["look", "look", "#surroundings#"],
  ["inventory", "inventory", "#hands#"]
]

const written = (views: Views, actions: typeof texts): string =>
  [
    `grammar :: """\n${JSON.stringify(rules(views), undefined, 2)}\n""";`,
    ...actions.map(
      ([name, template, feedback]) =>
        `action ${name} {\n  template :: "${template}";\n  feedback :: "${feedback}";\n}`
    )
  ].join("\n\n")

const overview =
  "You are in the middle of a room. Looking quickly around you, you see " +
  "[{r.indefinite + ' ' + r.name | stationed(r:receptacle, p:spot)}]."

/** The same for every house of one room, as is its domain; so both are read once. */
export const oneRoom = written(
  {
    intro: [{ rhs: `${overview}\n\nYour task is to: #task#.` }],
    surroundings: [
      {
        condition: "stationed(r:receptacle, s:spot)",
        rhs: "You are facing the [{r.name | stationed(r:receptacle, s:spot)}]. Next to it, you see nothing."
      },
      { rhs: overview }
    ]
  },
  texts
)

/** What is in the room `m`, but for the place `s` where one stands, and where one can go from there. */
const places =
  "[{r.indefinite + ' ' + r.name | stationed(r:receptacle, p:spot) & within(p:spot, m:room)}]"
const exits = "From here you can go to [{n.name | passage(m:room, n:room)}]."
const whereabouts = "stands(a:agent, s:spot) & within(s:spot, m:room)"

/** Of a house with rooms one is told the room where one is. */
export const withRooms = written(
  {
    intro: [{ rhs: `{#middle# | ${whereabouts}}\n\nYour task is to: #task#.` }],
    parts: {
      middle: [{ rhs: "You are in the middle of {m.name}. #around#" }],
      around: [{ rhs: `Looking quickly around you, you see ${places}. ${exits}` }]
    },
    surroundings: [
      {
        condition: "stationed(r:receptacle, s:spot)",
        rhs: `You are in {m.name}, facing the [{r.name | stationed(r:receptacle, s:spot)}]. Next to it, you see ${places}. ${exits}`
      },
      { rhs: "#middle#" }
    ]
  },
  [...texts, ["enter", "go to {m}", "You arrive at {m.name}. #around#"]]
)
