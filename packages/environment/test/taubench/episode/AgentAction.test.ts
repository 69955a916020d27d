import { Arbitraries } from "@dreamgym/laws"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as AgentAction from "../../../src/taubench/episode/AgentAction.ts"
import { dictOf } from "../../../src/taubench/python/Value.ts"

const call = (name: string, given: Parameters<typeof dictOf>[0]) => ({
  _tag: "Call",
  name,
  arguments: dictOf(given)
})
const say = (content: string) => ({ _tag: "Respond", content })

describe("An action", () => {
  it.each([
    ["JSON", '{"name": "f", "arguments": {"a": 5, "b": 5.0}}', call("f", { a: 5n, b: 5 })],
    ["JSON of the respond tool", '{"name": "respond", "arguments": {"content": "Hi"}}', say("Hi")],
    ["Python", "f(a=5, b='x')", call("f", { a: 5n, b: "x" })],
    ["react", 'Thought:\nHm.\nAction:\n{"name": "f", "arguments": {}}', call("f", {})],
    ["react after an older action", "Action: f()\nThought: no.\nAction: g()", call("g", {})],
    ["react with Python", "Thought: hm\nAction: f(a=1)", call("f", { a: 1n })],
    ["react that is no JSON", "Thought:\nHm.\nAction:\nHello there", say("Hello there")],
    [
      "a message with tool calls, of which the first counts",
      '{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\\"a\\": 1.0}"}}, {"function": {"name": "g", "arguments": "{}"}}]}',
      call("f", { a: 1 })
    ],
    ["a message without", '{"role": "assistant", "content": "Hello"}', say("Hello")],
    ["words", "Hello (you)!", say("Hello (you)!")],
    ["braces that are no call", '{"a": 1}', say('{"a": 1}')],
    ["broken JSON", '{"name": "f", ', say('{"name": "f", ')],
    ["nothing", "", say("")]
  ])("as %s is understood", (_, text, expected) => {
    expect(AgentAction.read({ text })).toEqual(expected)
  })

  it("as data is understood, with arguments as an object or as JSON in a string", () => {
    const of = (given: unknown) =>
      AgentAction.read({ text: "", toolCall: { name: "f", arguments: given } })
    expect(of({ a: [1, "x"] })).toEqual(call("f", { a: [1n, "x"] }))
    expect(of('{"a": 2.0}')).toEqual(call("f", { a: 2 }))
    for (const odd of ["{", [], 3, null, undefined, () => 1]) {
      expect(of(odd)).toEqual({
        _tag: "Malformed",
        name: "f",
        problem: "Error: the arguments of f are no JSON object"
      })
    }
  })

  it("that speaks without words is malformed", () => {
    const action = AgentAction.read({ text: '{"name": "respond", "arguments": {}}' })
    expect(action._tag).toBe("Malformed")
  })

  it("of any text is something", () => {
    const odd = fc.oneof(
      fc.string({ unit: Arbitraries.character, maxLength: 100 }),
      fc.json(),
      fc.json().map((json) => `{"name": "f", "arguments": ${json}}`),
      fc.constantFrom(
        "🙂".repeat(250_000),
        "{".repeat(1_000_000),
        "DROP TABLE users;",
        "(define (problem x))"
      )
    )
    fc.assert(
      fc.property(odd, (text) => {
        expect(["Call", "Respond", "Malformed"]).toContain(AgentAction.read({ text })._tag)
      }),
      { numRuns: 300 }
    )
  })
})
