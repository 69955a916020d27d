import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as PythonCall from "../../../src/taubench/episode/PythonCall.ts"

describe("A call written as in Python", () => {
  it.each([
    ["f()", "f", "{}"],
    ["f(a='x', b=\"y's\")", "f", `{"a": "x", "b": "y's"}`],
    [
      "f(a=5, b=5.0, c=-1, d=.5, e=5., f=1e3)",
      "f",
      '{"a": 5, "b": 5.0, "c": -1, "d": 0.5, "e": 5.0, "f": 1e3}'
    ],
    ["f(a=1_000, b=+2)", "f", '{"a": 1000, "b": 2}'],
    ["f(a=True, b=None, c=credit_card)", "f", '{"a": true, "b": null, "c": "credit_card"}'],
    ["f(a=[1, 'x',], b=(1,), c={'k': [2]})", "f", '{"a": [1, "x"], "b": [1], "c": {"k": [2]}}'],
    [String.raw`f(a='it\'s\n\x41\q')`, "f", String.raw`{"a": "it's\nA\\q"}`],
    ["  calculate ( expression = '2 + 2' ) ", "calculate", '{"expression": "2 + 2"}'],
    ["f('position', a=1)", "f", '{"a": 1}']
  ])("%s is a call", (text, name, json) => {
    expect(PythonCall.read(text)).toEqual({ name, arguments: json })
  })

  it.each([
    "Hello there.",
    "Thanks (really).",
    "f(a=1",
    "f(a=1) and more",
    "f(a=1\n)",
    "f(a=b c)",
    "f(a=1+2)",
    "f(a==1)",
    "f(a={1: 2})",
    "f(a='open)",
    "f(,)",
    "f(a=g(1))",
    ""
  ])("%j is a message", (text) => {
    expect(PythonCall.read(text)).toBeUndefined()
  })

  it("with arguments as Python spells them is read as JSON spells them", () => {
    const python = (value: unknown): string =>
      Array.isArray(value)
        ? `[${value.map(python).join(", ")}]`
        : value === null
          ? "None"
          : typeof value === "boolean"
            ? value
              ? "True"
              : "False"
            : typeof value === "object"
              ? `{${Object.entries(value)
                  .map(([k, v]) => `${JSON.stringify(k)}: ${python(v)}`)
                  .join(", ")}}`
              : JSON.stringify(value)
    const plain = fc.string({ unit: fc.constantFrom("a", "'", '"', "\\", "é", ",", "(", "}") })
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        plain,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("k", "l"), tie("any"))
      )
    })).any
    fc.assert(
      fc.property(value, (v) => {
        const call = PythonCall.read(`f(a=${python(v)})`)
        expect(JSON.parse(call?.arguments ?? "null")).toEqual({ a: v })
      }),
      { numRuns: 200 }
    )
  })

  it("that is not one, however long, deep or odd, is quickly a message", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        const call = PythonCall.read(`f(${text})`)
        if (call !== undefined) JSON.parse(call.arguments)
      }),
      { numRuns: 500 }
    )
    for (const odd of [
      "[".repeat(1_000_000),
      "a=".repeat(100_000),
      "'".repeat(1_000_001),
      "1,".repeat(300_000) + "+"
    ]) {
      expect(PythonCall.read(`f(a=${odd})`)).toBeUndefined()
    }
  })
})
