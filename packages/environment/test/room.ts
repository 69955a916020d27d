import { Result } from "effect"
import * as Game from "../src/alfworld/Game.ts"
import type { GameFile } from "../src/alfworld/GameFile.ts"

const id = (kind: string, x: number) => `${kind}_bar__plus_0${x}_dot_00`

const domain = `
(define (domain room)
 (:requirements :adl :typing)
 (:types agent location receptacle object rtype otype)
 (:predicates
  (atLocation ?a - agent ?l - location) (receptacleAtLocation ?r - receptacle ?l - location)
  (inReceptacle ?o - object ?r - receptacle) (openable ?r - receptacle) (opened ?r - receptacle)
  (checked ?x) (holds ?a - agent ?o - object) (holdsAny ?a - agent) (toggleable ?o - object)
  (isOn ?o - object) (isToggled ?o - object) (objectType ?o - object ?t - otype) (broken ?o - object))
 (:action look :parameters (?a - agent ?l - location)
  :precondition (atLocation ?a ?l) :effect (checked ?l))
 (:action wait :parameters (?a - agent) :precondition () :effect (checked ?a))
 (:action GotoLocation :parameters (?a - agent ?lStart - location ?lEnd - location ?r - receptacle)
  :precondition (and (atLocation ?a ?lStart) (receptacleAtLocation ?r ?lEnd))
  :effect (and (not (atLocation ?a ?lStart)) (atLocation ?a ?lEnd) (increase (total-cost) 1)))
 (:action take :parameters (?a - agent ?o - object ?r - receptacle)
  :precondition (and (inReceptacle ?o ?r) (not (holdsAny ?a))
   (exists (?l - location) (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l)))
   (or (not (openable ?r)) (opened ?r)))
  :effect (and (not (inReceptacle ?o ?r)) (holds ?a ?o) (holdsAny ?a)))
 (:action put :parameters (?a - agent ?o - object ?r - receptacle)
  :precondition (and (holds ?a ?o)
   (exists (?l - location) (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l))))
  :effect (and (inReceptacle ?o ?r) (not (holds ?a ?o)) (not (holdsAny ?a))))
 (:action toggle :parameters (?a - agent ?o - object)
  :precondition (and (holds ?a ?o) (toggleable ?o))
  :effect (and (when (isOn ?o) (not (isOn ?o))) (when (not (isOn ?o)) (isOn ?o)) (isToggled ?o)))
 (:action smash :parameters (?a - agent ?r - receptacle)
  :precondition (forall (?o - object) (imply (inReceptacle ?o ?r) (toggleable ?o)))
  :effect (forall (?o - object) (when (inReceptacle ?o ?r) (broken ?o)))))`

const rules = {
  intro: [{ rhs: "Hello.\n\n#seen#" }],
  seen: [
    {
      condition: "atlocation(a:agent, l:location) & receptacleatlocation(r:receptacle, l:location)",
      rhs: "Here: [{r.name | atlocation(a:agent, l:location) & receptacleatlocation(r:receptacle, l:location)}]."
    },
    { rhs: "Around: [{#one(r)# | receptacleatlocation(r:receptacle, l:location)}]." }
  ],
  "one(r)": [{ rhs: "{r.indefinite} {r.name or r.id}" }],
  list_empty: [{ rhs: "nothing" }],
  list_separator: [{ rhs: ", " }],
  list_last_separator: [{ rhs: ", and " }],
  inside: [
    { rhs: "In it: [{o.indefinite + ' ' + o.name | inreceptacle(o:object, r:receptacle)}]." }
  ],
  missed: [
    {
      condition: "not_inreceptacle(o:object, r:receptacle)",
      rhs: "The {o.name} left [{r.name | not_inreceptacle(o:object, r:receptacle)}]."
    },
    { rhs: "The {o.name} never left." }
  ],
  lamp: [
    { condition: "ison(o:object)", rhs: "The {o.name} shines." },
    { rhs: "The {o.name} is dark." }
  ],
  wreck: [{ rhs: "Broken: [{o.name | broken(o:object)}]." }]
}

const action = (name: string, template: string, feedback: string) =>
  `action ${name} {\n  template :: "${template}";\n  feedback :: "${feedback}";\n}\n`

const grammar = [
  `grammar :: """${JSON.stringify(rules)}""";\n# a remark\n`,
  action("look", "look", "#seen#"),
  action("wait", "wait", "\nTime passes:\n  slowly.\n"),
  action(
    "GotoLocation",
    "go to [{r.name | receptacleatlocation(r:receptacle, lend:location)}]",
    "You stand at {r.name}. #inside#"
  ),
  action("take", "take {o} from {r}", "Taken. #missed#"),
  action("put", "put {o} into {r}", "#missed#"),
  action("toggle", "use {o}", "#lamp#"),
  action("smash", "smash {r}", "#wreck#")
].join("\n")

const [box, shelf, desk] = [id("Box", 1), id("Shelf", 1), id("Shelf", 2)]
const [lamp, mug, cup] = [id("Lamp", 1), id("Mug", 2), id("Mug", 1)]

const problem = `
(define (problem small) (:domain room)
 (:objects agent1 - agent start - location near - location far - location
  ${box} - receptacle ${shelf} - receptacle ${desk} - receptacle
  ${lamp} - object ${mug} - object ${cup} - object MugType - otype unused - object)
 (:init (= (total-cost) 0) (atLocation agent1 start)
  (receptacleAtLocation ${box} near) (receptacleAtLocation ${shelf} near) (receptacleAtLocation ${desk} far)
  (openable ${box}) (inReceptacle ${lamp} ${shelf}) (inReceptacle ${mug} ${desk}) (inReceptacle ${cup} ${desk})
  (inReceptacle ${cup} ${box}) (toggleable ${lamp}) (objectType ${mug} MugType) (objectType ${cup} MugType))
 (:goal (exists (?r - receptacle) (exists (?x - object) (and (objectType ?x MugType) (inReceptacle ?x ?r)
   (exists (?y - object) (and (not (= ?x ?y)) (toggleable ?y) (inReceptacle ?y ?r))))))))`

/** A small game whose domain and grammar are not ALFWorld's: two places, three receptacles, three things. */
export const room: GameFile = {
  pddl_domain: domain,
  grammar,
  pddl_problem: problem,
  solvable: true
}

/** The rules of the small game's grammar, to vary. */
export const roomRules = rules

/** Its state after the commands. */
export const after = (...commands: ReadonlyArray<string>): Game.GameState =>
  commands.reduce(Game.step, Game.start(Result.getOrThrow(Game.load(room, "room"))))
