import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Ground from "../src/pddl/Ground.ts"
import { readDomain, readProblem } from "../src/pddl/Pddl.ts"
import * as State from "../src/pddl/State.ts"
import { after } from "./room.ts"

/** One action over objects a, b (thing) and k (tool); p and q are about anything, r about two. */
const world = (action: string, init = "", goal = "()") => {
  const domain = readDomain(`(define (domain d) (:types thing tool)
    (:predicates (p ?x) (q ?x) (r ?x ?y) (s)) (:action act ${action}))`)
  const problem = readProblem(`(define (problem e) (:objects a b - thing k - tool)
    (:init ${init}) (:goal ${goal}))`)
  const setting = Ground.setting(domain, problem, ["not_p"])
  const [act] = Ground.actions(domain, setting)
  if (act === undefined) throw new Error("no action")
  return { setting, act }
}

const nameOf = (setting: Ground.Setting, object: number) =>
  setting.vocabulary.objects[object]?.name ?? "?"

const instances = ({ setting, act }: ReturnType<typeof world>): ReadonlyArray<string> => {
  const found = new Set<string>()
  Ground.applicable(act, setting.initial, (objects) => {
    found.add(objects.map((object) => nameOf(setting, object)).join(" "))
    return false
  })
  return [...found].toSorted()
}

const facts = (setting: Ground.Setting, state: State.State): ReadonlyArray<string> =>
  [...setting.vocabulary.predicateNumbers].flatMap(([name, number]) => {
    const { arity, facts: numbers } = state[number] ?? State.relation(0, [])
    return numbers.map((fact) => {
      const positions = Array.from({ length: arity }, (_, position) => position)
      const terms = positions.map((at) => nameOf(setting, State.argumentOf(arity, fact, at)))
      return [name, ...terms].join(" ")
    })
  })

const outcome = (effect: string, init: string) => {
  const { act, setting } = world(`:parameters () :effect ${effect}`, init)
  return facts(setting, Ground.apply(setting, setting.initial, act, []))
}

describe("A precondition", () => {
  it.each([
    ["(p ?x)", "(p a) (p k)", ["a"]],
    ["(not (p ?x))", "(p a) (p k)", ["b"]],
    ["(or (p ?x) (q ?x))", "(p a) (q b)", ["a", "b"]],
    ["(or (p ?x) (s))", "(s)", ["a", "b"]],
    ["(exists (?t - tool) (r ?x ?t))", "(r a k) (r b b)", ["a"]],
    ["(exists (?t - tool, ?y - thing) (r ?x ?y))", "(r a b)", []],
    ["(forall (?y - thing) (r ?x ?y))", "(r a a) (r a b) (r b b)", ["a"]],
    ["(and (r ?x ?x) (not (= ?x b)))", "(r a a) (r b b) (r a b)", ["a"]],
    ["(r ?x ?x)", "(r a b) (r b a)", []],
    ["(and (p ?x) (r ?x ?x))", "(p a) (p b) (r a b) (r b b)", ["b"]],
    ["(exists (?y - thing) (and (r ?x ?y) (r ?y ?x)))", "(r a b) (r b a) (r a k)", ["a", "b"]],
    ["(= ?x nobody)", "", []],
    ["(not (= ?x nobody))", "", ["a", "b"]],
    ["(= ?x a)", "", ["a"]],
    ["(imply (p ?x) (q ?x))", "(p a) (p b) (q b)", ["b"]],
    ["(p nobody)", "(p a)", []],
    [
      "(and (exists (?y - thing) (r ?x ?y)) (exists (?y - tool) (r ?x ?y)))",
      "(r a b) (r a k)",
      ["a"]
    ],
    ["()", "", ["a", "b"]]
  ])("%s with %s holds for %j", (precondition, init, expected) => {
    const found = world(
      `:parameters (?x - thing) :precondition ${precondition} :effect (r ?x k)`,
      init
    )
    expect(instances(found)).toEqual(expected)
  })

  it("about an unknown predicate or with too many arguments is refused", () => {
    expect(() => world(":precondition (t)")).toThrow("predicate t is not declared")
    expect(() => world(":precondition (p a b)")).toThrow("predicate p takes 1 arguments, not 2")
    expect(() => world(":precondition (p ?x)")).toThrow("variable ?x is not declared")
  })
})

describe("A type", () => {
  const reached = (type: string): ReadonlyArray<string> => {
    const domain = readDomain(`(define (domain d) (:types cup mug - vessel vessel - thing)
      (:predicates (p ?x)) (:action act :parameters (?x - ${type}) :effect (p ?x)))`)
    const problem = readProblem(`(define (problem e)
      (:objects c - cup m - mug v - vessel t - thing o) (:init) (:goal ()))`)
    const setting = Ground.setting(domain, problem)
    return Ground.actions(domain, setting).flatMap((act) => instances({ setting, act }))
  }

  it.each([
    ["cup", ["c"]],
    ["vessel", ["c", "m", "v"]],
    ["thing", ["c", "m", "t", "v"]],
    ["object", ["c", "m", "o", "t", "v"]],
    ["nothing", []]
  ])("%s has the members of the types below it: %j", (type, expected) => {
    expect(reached(type)).toEqual(expected)
  })
})

describe("An effect", () => {
  it("deletes before it adds", () => {
    expect(outcome("(and (p a) (not (p a)))", "(p a)")).toEqual(["p a"])
  })

  it("is decided in the state before, so a switch flips once", () => {
    const flip = "(and (when (p a) (not (p a))) (when (not (p a)) (p a)))"
    expect(outcome(flip, "(p a)")).toEqual(["not_p a"])
    expect(outcome(flip, "")).toEqual(["p a"])
  })

  it("under forall reaches every object of the type for which its condition holds", () => {
    const effect = "(forall (?x - thing) (when (p ?x) (and (q ?x) (not (p ?x)))))"
    expect(outcome(effect, "(p a) (p b) (p k)")).toEqual([
      "p k",
      "q a",
      "q b",
      "not_p a",
      "not_p b"
    ])
  })

  it("under two foralls reaches every pair, under two conditions only where both hold", () => {
    const pairs = "(forall (?x - thing) (forall (?y - tool) (when (p ?x) (when (q ?y) (r ?x ?y)))))"
    expect(outcome(pairs, "(p a) (p b) (q k)")).toEqual(["p a", "p b", "q k", "r a k", "r b k"])
    expect(outcome(pairs, "(p a) (p b)")).toEqual(["p a", "p b"])
    expect(outcome(pairs, "(p a) (q k)")).toEqual(["p a", "q k", "r a k"])
  })

  it("leaves no trace of its own where the domain has a predicate of that name", () => {
    const domain = readDomain(`(define (domain d) (:predicates (p) (not_p))
      (:action act :precondition (p) :effect (not (p))))`)
    const problem = readProblem("(define (problem e) (:init (p)) (:goal ()))")
    const setting = Ground.setting(domain, problem, ["not_p"])
    const [act] = Ground.actions(domain, setting)
    if (act === undefined) throw new Error("no action")
    expect(facts(setting, Ground.apply(setting, setting.initial, act, []))).toEqual([])
  })

  it("leaves a trace of what it takes away also where it adds another fact of the kind", () => {
    expect(outcome("(and (not (p a)) (p b))", "(p a)")).toEqual(["p b", "not_p a"])
  })

  it("depends on what its conditions read, as the action does on what it requires", () => {
    const effect = ":precondition (p a) :effect (when (and (q a) (not (s))) (p b))"
    const { act, setting } = world(effect)
    const names = [...setting.vocabulary.predicateNumbers.keys()]
    expect(act.reads.map((number) => names[number])).toEqual(["p", "q", "s"])
  })

  it("that takes nothing away leaves no trace of a loss", () => {
    expect(outcome("(not (p a))", "(q b)")).toEqual(["q b"])
  })
})

describe("An action all of whose effects are granted beforehand", () => {
  const move =
    ":parameters (?x ?y) :precondition (and (p ?x) (q ?y)) :effect (and (not (p ?x)) (p ?y))"

  it("is no action: nobody moves to where he is", () => {
    expect(instances(world(move, "(p a) (q a) (q b)"))).toEqual(["a b"])
  })
})

describe("An action that only takes away, or that adds only what is granted but takes away more", () => {
  it.each(["(not (q ?x))", "(and (p ?x) (not (q ?x)))", "(and (not (p ?x)) (not (q ?x)) (p ?x))"])(
    "is one: %s",
    (effect) => {
      const action = `:parameters (?x - thing) :precondition (p ?x) :effect ${effect}`
      expect(instances(world(action, "(p a) (q a)"))).toEqual(["a"])
    }
  )
})

describe("A goal", () => {
  it.each([
    [
      "(exists (?x - thing) (and (p ?x) (exists (?y - thing) (and (p ?y) (not (= ?x ?y))))))",
      "(p a)",
      false
    ],
    [
      "(exists (?x - thing) (and (p ?x) (exists (?y - thing) (and (p ?y) (not (= ?x ?y))))))",
      "(p a) (p b)",
      true
    ],
    ["(and (s) (not (p a)))", "(s)", true],
    ["(forall (?x - tool) (p ?x))", "(p a)", false]
  ])("%s with %s is %s", (goal, init, expected) => {
    const { setting } = world(":effect (s)", init, goal)
    expect(setting.isGoal(setting.initial)).toBe(expected)
  })
})

describe("A relation", () => {
  const objects = fc.nat(State.objectLimit - 1)
  const changes = fc.array(fc.tuple(fc.boolean(), objects, objects), { maxLength: 40 })

  it("is the set that the changes describe, in order, also when asked by argument", () => {
    fc.assert(
      fc.property(changes, (list) => {
        const expected = new Set<number>()
        let state: State.State = [State.relation(2, [])]
        for (const [isAdd, left, right] of list) {
          const fact = State.factOf([left, right])
          state = State.apply(state, [{ predicate: 0, fact, isAdd }])
          if (isAdd) expected.add(fact)
          else expected.delete(fact)
        }
        const sorted = [...expected].toSorted((left, right) => left - right)
        expect(state[0]?.facts).toEqual(sorted)
        for (const [, , right] of list) {
          const found = State.matching(state[0] ?? State.relation(2, []), 1, right)
          expect(found).toEqual(sorted.filter((fact) => State.argumentOf(2, fact, 1) === right))
        }
      })
    )
  })

  it("gives back the arguments of a fact, four of them too", () => {
    fc.assert(
      fc.property(fc.array(objects, { minLength: 1, maxLength: State.arityLimit }), (list) => {
        const back = list.map((_, at) => State.argumentOf(list.length, State.factOf(list), at))
        expect(back).toEqual(list)
      })
    )
  })
})

describe("A small game", () => {
  it("lets one take only what is in reach", () => {
    expect(after("go to shelf 2").admissible).toEqual([
      "go to shelf 1",
      "look",
      "smash shelf 2",
      "take lamp 1 from shelf 2",
      "wait"
    ])
  })
})
