/**
 * Trajectories as no world would make them, for whoever must give back every bit that was given: odd texts and numbers everywhere.
 * Their observations need not connect; whoever learns from experience is tested with `Arbitraries`.
 */
import { Ending, QualityFilter, type ReplayBuffer, Task, type Trajectory } from "@dreamgym/domain"
import * as fc from "fast-check"
import { character } from "./Arbitraries.ts"

/** Objects are as their literals would be: what is compared by prototype too must not differ for that. */
const plain = { noNullPrototype: true } as const

/** Text that files, databases and terminals trip over. */
const oddities = [
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\uD800",
  "\uDC00 lone",
  "x\uD83D",
  "\uFEFFmark",
  "\uFFFE\uFFFF",
  "\n",
  "\r\n",
  "line\u2028separator\u2029",
  "\u001b[31mred",
  "\\",
  "\\u0000",
  "\\x00",
  "'; drop table trajectory; --",
  '"quoted"',
  "{}",
  "null",
  "NaN",
  "-0",
  "%s $1 ?1 :name",
  "constructor",
  "e\u0301",
  "\u00e9",
  "\u{1F469}\u200D\u{1F680}",
  "\u202Ereversed",
  "> \n> ",
  "long ".repeat(300)
] as const

/** Any text that a JavaScript string can be: zero characters, lone surrogates, control characters, escapes, nothing. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...oddities),
  fc.string({ unit: character, maxLength: 8 }),
  fc.array(fc.nat({ max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units))
)

/** Any number: NaN, infinities, -0, the least and the greatest. */
export const number: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    0,
    5e-324,
    -5e-324,
    Number.MAX_VALUE,
    Number.MIN_SAFE_INTEGER,
    2 ** 53,
    0.1 + 0.2,
    1e21,
    1e-7
  ),
  fc.double()
)

/** Any safe integer, never -0. */
export const integer: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.constantFrom(Number.MIN_SAFE_INTEGER),
  fc.maxSafeInteger()
)

/**
 * Any name but `__proto__`, which is no name in JavaScript, and backslashes alone, after which the JSON parser of Node 24 reads other
 * names wrongly: `JSON.parse('{"a":1,"\\\\":2}')`, then `JSON.parse('{"a":1,"\\n":2}')` has the name of the first.
 */
const name: fc.Arbitrary<string> = text.filter((one) => one !== "__proto__" && !/^\\+$/.test(one))

/** Numbers under any names. */
export const numbers: fc.Arbitrary<Readonly<Record<string, number>>> = fc.dictionary(name, number, {
  maxKeys: 3,
  ...plain
})

/** Anything that JSON can say, odd texts in it; no -0, which JSON reads as 0 or not at all. */
export const json: fc.Arbitrary<unknown> = fc.letrec<{ readonly value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    text,
    fc.constantFrom(null, true, false, 0, 1.5, -1e300, 5e-324),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(name, tie("value"), { maxKeys: 3, ...plain })
  )
})).value

const integers = fc.array(integer, { maxLength: 3 })

export const task: fc.Arbitrary<Task.Task> = fc.record(
  {
    id: text,
    environment: text,
    instruction: text,
    seed: integer,
    payload: json,
    origin: fc.oneof(
      fc.constant(Task.original),
      fc.record(
        { _tag: fc.constant("Generated" as const), parentId: text, generation: integer },
        plain
      )
    )
  },
  plain
)

const span: fc.Arbitrary<Trajectory.TokenSpan> = fc.record(
  {
    promptIds: integers,
    ids: integers,
    logProbabilities: fc.array(number, { maxLength: 3 }),
    choices: fc.array(integers, { maxLength: 3 }),
    features: integers,
    value: number,
    temperature: number,
    policyVersion: integer,
    context: fc.oneof(
      fc.constant({ _tag: "Fresh" as const }),
      fc.record({ _tag: fc.constant("Extends" as const), tokens: integer }, plain)
    )
  },
  {
    ...plain,
    requiredKeys: [
      "promptIds",
      "ids",
      "logProbabilities",
      "value",
      "temperature",
      "policyVersion",
      "context"
    ]
  }
)

const real: fc.Arbitrary<Trajectory.Provenance> = fc.record(
  {
    _tag: fc.constant("Real" as const),
    environment: text,
    version: text
  },
  plain
)

const synthetic: fc.Arbitrary<Trajectory.Provenance> = fc.record(
  {
    _tag: fc.constant("Synthetic" as const),
    model: text,
    modelVersion: integer,
    retrieved: fc.array(text, { maxLength: 3 }),
    reasoning: text,
    scores: numbers,
    cost: number,
    promptHash: text,
    tokens: fc.record({ prompt: integer, completion: integer }, plain),
    latency: number
  },
  {
    ...plain,
    requiredKeys: ["_tag", "model", "modelVersion", "retrieved", "reasoning", "scores", "cost"]
  }
)

const transition: fc.Arbitrary<Trajectory.Transition> = fc.record(
  {
    observation: text,
    action: fc.record(
      {
        text,
        toolCall: fc.record({ name: text, arguments: json }, plain),
        span
      },
      { ...plain, requiredKeys: ["text"] }
    ),
    reward: number,
    nextObservation: text,
    provenance: fc.oneof(real, synthetic)
  },
  plain
)

const ending: fc.Arbitrary<Ending.Ending> = fc.oneof(
  fc.boolean().map(Ending.terminated),
  fc.constantFrom(...Ending.Limit.literals).map(Ending.truncated),
  fc.tuple(fc.constantFrom(...Ending.Fault.literals), text).map((cause) => Ending.failed(...cause))
)

const verdict: fc.Arbitrary<QualityFilter.Verdict> = fc.oneof(
  fc.record({ _tag: fc.constant("Accepted" as const), scores: numbers }, plain),
  fc.record(
    {
      _tag: fc.constant("Rejected" as const),
      reason: fc.constantFrom(...QualityFilter.Rejection.literals),
      message: text,
      scores: numbers
    },
    plain
  )
)

/** A trajectory of the right shape with anything in it. What is absent is absent, never `undefined`. */
export const trajectory: fc.Arbitrary<Trajectory.Trajectory> = fc.record(
  {
    id: text,
    task,
    firstObservation: text,
    transitions: fc.array(transition, { maxLength: 3 }),
    ending,
    policy: text,
    policyVersion: integer,
    iteration: integer,
    verdict
  },
  {
    ...plain,
    requiredKeys: [
      "id",
      "task",
      "firstObservation",
      "transitions",
      "ending",
      "policy",
      "policyVersion"
    ]
  }
)

/** Several, each with an id of its own and of another task, so that none has the content of another. */
export const trajectories: fc.Arbitrary<ReadonlyArray<Trajectory.Trajectory>> = fc
  .array(trajectory, { minLength: 1, maxLength: 5 })
  .map((list) =>
    list.map((one, i) => ({
      ...one,
      id: `${one.id}${i}`,
      task: { ...one.task, id: `${one.task.id}${i}` }
    }))
  )

/** A question in any words, for a buffer that may be asked about anything. */
export const similarQuery: fc.Arbitrary<ReplayBuffer.SimilarQuery> = fc.record(
  { state: text, action: text, k: fc.nat({ max: 4 }), environment: text, task: text },
  { ...plain, requiredKeys: ["state", "action", "k"] }
)
