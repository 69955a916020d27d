import { describe, expect, it } from "vitest"
import { readDomain, readProblem } from "../src/pddl/Pddl.ts"
import { read } from "../src/pddl/SExpression.ts"

const domainWith = (section: string) => readDomain(`(define (domain d) ${section})`)

describe("A parenthesised text", () => {
  it("is lists of lower-case words; comments end with their line and commas belong to words", () => {
    expect(read("(Define ; (not this)\n (A?b ?X, - T)\n()c)")).toEqual([
      "define",
      ["a", "?b", "?x,", "-", "t"],
      [],
      "c"
    ])
  })

  it.each([
    ["(a (b)", "1 parentheses are never closed"],
    ["(a))", "a closing parenthesis has no opening one"],
    ["(a) (b)", "the text is not one parenthesised list"],
    ["", "the text is not one parenthesised list"],
    ["a", "the text is not one parenthesised list"]
  ])("%j is refused: %s", (text, detail) => {
    expect(() => read(text)).toThrow(detail)
  })
})

describe("A domain", () => {
  it("gives each variable of a typed list the type behind it, or object", () => {
    const domain = domainWith("(:types a b - c d) (:predicates (p ?x ?y - a ?z) (q))")
    expect([...domain.parents]).toEqual([
      ["a", "c"],
      ["b", "c"],
      ["d", "object"]
    ])
    expect([...domain.arities]).toEqual([
      ["p", 3],
      ["q", 0]
    ])
  })

  it("keeps a comma in the type it follows, as the original's reader does", () => {
    const [action] = domainWith(
      "(:action go :precondition (exists (?l - location, ?r - box) (p ?l)))"
    ).actions
    expect(action?.precondition).toEqual({
      _tag: "Exists",
      variables: [
        { name: "?l", type: "location," },
        { name: "?r", type: "box" }
      ],
      of: { _tag: "Atom", predicate: "p", terms: ["?l"] }
    })
  })

  it("reads quantified and conditional effects flat, and no costs", () => {
    const [action] =
      domainWith(`(:action a :parameters (?x - t) :effect (and (increase (total-cost) 1)
      (decrease (fuel) 1) (assign (fuel) 1) (scale-up (fuel) 2) (scale-down (fuel) 2)
      (forall (?y - u) (when (p ?x) (and (not (q ?y)) (r ?x ?y)))) (s ?x)))`).actions
    const p = { _tag: "Atom", predicate: "p", terms: ["?x"] }
    const guard = {
      variables: [{ name: "?y", type: "u" }],
      when: { _tag: "And", of: [{ _tag: "And", of: [] }, p] }
    }
    expect(action?.effects).toEqual([
      { ...guard, isAdd: false, literal: { _tag: "Atom", predicate: "q", terms: ["?y"] } },
      { ...guard, isAdd: true, literal: { _tag: "Atom", predicate: "r", terms: ["?x", "?y"] } },
      {
        variables: [],
        when: { _tag: "And", of: [] },
        isAdd: true,
        literal: { _tag: "Atom", predicate: "s", terms: ["?x"] }
      }
    ])
  })

  it("says forall and imply by exists, not and or", () => {
    const [action] = domainWith(
      "(:action a :precondition (forall (?x) (imply (p ?x) (= ?x c))))"
    ).actions
    const p = { _tag: "Atom", predicate: "p", terms: ["?x"] }
    const isC = { _tag: "Equal", left: "?x", right: "c" }
    expect(action?.precondition).toEqual({
      _tag: "Not",
      of: {
        _tag: "Exists",
        variables: [{ name: "?x", type: "object" }],
        of: { _tag: "Not", of: { _tag: "Or", of: [{ _tag: "Not", of: p }, isC] } }
      }
    })
  })

  it("refuses a problem in its place", () => {
    expect(() => readDomain("(define (problem p))")).toThrow("start with (define (domain")
  })
})

describe("A problem", () => {
  it("holds objects, the positive facts and the goal", () => {
    expect(
      readProblem(`(define (problem x) (:domain d) (:objects A B - t c)
        (:init (P a) (= (total-cost) 0) (not (p b)) (p B)) (:goal ()))`)
    ).toEqual({
      objects: [
        { name: "a", type: "t" },
        { name: "b", type: "t" },
        { name: "c", type: "object" }
      ],
      init: [
        { _tag: "Atom", predicate: "p", terms: ["a"] },
        { _tag: "Atom", predicate: "p", terms: ["b"] }
      ],
      goal: { _tag: "And", of: [] }
    })
  })

  it("without a goal is refused", () => {
    expect(() => readProblem("(define (problem x) (:init))")).toThrow("exactly one (:goal ...)")
  })
})
