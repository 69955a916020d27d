/**
 * The rules of a house as a PDDL domain: of a house that is one room, and of one with rooms to walk through.
 * They say nothing of a particular house, and no text: that is in `HouseGrammar`.
 *
 * Unlike ALFWorld's domain, any object may be put anywhere that is open, and any object may be
 * cleaned, heated and cooled.
 */
import type { GoalKind } from "./Goal.ts"

/** The predicate that says what is asked, so that the grammar can tell it. */
export const asks: Readonly<Record<GoalKind, string>> = {
  clean: "asksclean",
  hot: "askshot",
  cool: "askscool",
  two: "askstwo",
  look: "askslook",
  put: "asksput"
}

/** Where a house with rooms differs from one without. */
interface Walking {
  readonly types: string
  readonly predicates: string
  readonly goto: string
  readonly look: string
}

const facts = `    (stands ?a - agent ?s - spot)
    (stationed ?r - receptacle ?s - spot)
    (openable ?r - receptacle)
    (opened ?r - receptacle)
    (placekind ?r - receptacle ?k - kind)
    (objectkind ?o - object ?k - kind)
    (inside ?o - object ?r - receptacle)
    (portable ?o - object)
    (switchable ?o - object)
    (lit ?o - object)
    (clean ?o - object)
    (hot ?o - object)
    (cool ?o - object)
    (holds ?a - agent ?o - object)
    (busy ?a - agent)
    (noticed ?x - object)
    (asksput ?k - kind ?t - kind)
    (askslook ?k - kind ?t - kind)
    (asksclean ?k - kind ?t - kind)
    (askshot ?k - kind ?t - kind)
    (askscool ?k - kind ?t - kind)
    (askstwo ?k - kind ?t - kind)`

/** What can be done in every house. */
const deeds = `  (:action open
    :parameters (?a - agent ?s - spot ?r - receptacle)
    :precondition (and (stands ?a ?s) (stationed ?r ?s) (openable ?r) (not (opened ?r)))
    :effect (opened ?r))
  (:action close
    :parameters (?a - agent ?s - spot ?r - receptacle)
    :precondition (and (stands ?a ?s) (stationed ?r ?s) (opened ?r))
    :effect (not (opened ?r)))
  (:action take
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (stands ?a ?s) (stationed ?r ?s) (inside ?o ?r) (portable ?o) (not (busy ?a))
      (or (not (openable ?r)) (opened ?r)))
    :effect (and (not (inside ?o ?r)) (holds ?a ?o) (busy ?a)))
  (:action move
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (holds ?a ?o) (stands ?a ?s) (stationed ?r ?s)
      (or (not (openable ?r)) (opened ?r)))
    :effect (and (inside ?o ?r) (not (holds ?a ?o)) (not (busy ?a))))
  (:action clean
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (holds ?a ?o) (stands ?a ?s) (stationed ?r ?s) (placekind ?r sinkbasin))
    :effect (and (noticed ?o) (clean ?o)))
  (:action heat
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (holds ?a ?o) (stands ?a ?s) (stationed ?r ?s) (placekind ?r microwave))
    :effect (and (noticed ?o) (hot ?o) (not (cool ?o))))
  (:action cool
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (holds ?a ?o) (stands ?a ?s) (stationed ?r ?s) (placekind ?r fridge))
    :effect (and (noticed ?o) (cool ?o) (not (hot ?o))))
  (:action use
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (stands ?a ?s) (stationed ?r ?s) (inside ?o ?r) (switchable ?o))
    :effect (and (noticed ?o) (lit ?o)))
  (:action regard
    :parameters (?a - agent ?s - spot ?r - receptacle)
    :precondition (and (stands ?a ?s) (stationed ?r ?s))
    :effect (noticed ?r))
  (:action inspect
    :parameters (?a - agent ?o - object)
    :precondition (holds ?a ?o)
    :effect (noticed ?o))
`

const domainOf = ({ goto, look, predicates, types }: Walking): string => `(define (domain household)
  (:requirements :adl :typing)
  (:types ${types})
  (:constants sinkbasin microwave fridge - kind)
  (:predicates
${facts}${predicates})
${goto}${deeds}${look}  (:action inventory
    :parameters (?a - agent)
    :precondition ()
    :effect (noticed ?a)))
`

/** From anywhere to anywhere. */
export const oneRoom = domainOf({
  types: "agent spot receptacle object kind",
  predicates: "",
  goto: `  (:action goto
    :parameters (?a - agent ?from - spot ?to - spot ?r - receptacle)
    :precondition (and (stands ?a ?from) (stationed ?r ?to))
    :effect (and (not (stands ?a ?from)) (stands ?a ?to)))
`,
  look: `  (:action look
    :parameters (?a - agent ?s - spot)
    :precondition (stands ?a ?s)
    :effect (noticed ?s))
`
})

/**
 * To places of the same room, and through a passage to the middle of the next one. The room that is left is no parameter:
 * the text of an action has no other word for what is a parameter already, and one may go back to that room.
 */
export const withRooms = domainOf({
  types: "agent room spot receptacle object kind",
  predicates: `
    (within ?s - spot ?m - room)
    (middle ?s - spot ?m - room)
    (passage ?m - room ?n - room)`,
  goto: `  (:action goto
    :parameters (?a - agent ?from - spot ?to - spot ?m - room ?r - receptacle)
    :precondition (and (stands ?a ?from) (within ?from ?m) (within ?to ?m) (stationed ?r ?to))
    :effect (and (not (stands ?a ?from)) (stands ?a ?to)))
  (:action enter
    :parameters (?a - agent ?from - spot ?s - spot ?m - room)
    :precondition (and (stands ?a ?from) (middle ?s ?m)
      (exists (?left - room) (and (within ?from ?left) (passage ?left ?m))))
    :effect (and (not (stands ?a ?from)) (stands ?a ?s)))
`,
  look: `  (:action look
    :parameters (?a - agent ?s - spot ?m - room)
    :precondition (and (stands ?a ?s) (within ?s ?m))
    :effect (noticed ?s))
`
})
