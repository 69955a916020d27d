import { Arbitraries } from "@dreamgym/laws"
import { Result } from "effect"
import * as FastCheck from "fast-check"
import { isDeepStrictEqual } from "node:util"
import { describe, expect, it } from "vitest"
import * as Arithmetic from "../../src/taubench/python/Arithmetic.ts"
import * as Expression from "../../src/taubench/python/Expression.ts"
import * as JsonReader from "../../src/taubench/python/JsonReader.ts"
import * as Operation from "../../src/taubench/python/Operation.ts"
import * as Text from "../../src/taubench/python/Text.ts"
import { fromJson, PythonException, type Value } from "../../src/taubench/python/Value.ts"

const read = (text: string) => Result.getOrThrow(JsonReader.read(text))

/** A value whose dicts are lists of entries, so that their order counts. */
const inOrder = (value: Value): unknown => {
  if (Array.isArray(value)) return value.map(inOrder)
  if (!(value instanceof Map)) return value
  return { entries: Array.from(value, ([key, element]) => [key, inOrder(element)]) }
}

const attempt = <A>(run: () => A): A | string => {
  const result = Result.try({ try: run, catch: (cause) => cause })
  if (Result.isSuccess(result)) return result.success
  if (!(result.failure instanceof PythonException)) throw result.failure
  return `${result.failure.exception}: ${result.failure.message}`
}

describe("JSON as Python reads it", () => {
  it("keeps the order of keys, ints apart from floats, and ints of any size", () => {
    const text =
      '{"b": 1.0, "1656367028": 250, "a": [123456789012345678901, 1e2, -0.0, null, true]}'
    expect(Text.json(read(text))).toBe(
      '{"b": 1.0, "1656367028": 250, "a": [123456789012345678901, 100.0, -0.0, null, true]}'
    )
  })

  it("is printed and read again the same, whatever the value, keys in their order", () => {
    const { json } = FastCheck.letrec<{ json: Value }>((tie) => ({
      json: FastCheck.oneof(
        { maxDepth: 3 },
        FastCheck.constant(null),
        FastCheck.boolean(),
        FastCheck.bigInt(),
        FastCheck.double({ noNaN: true }),
        FastCheck.string({ unit: Arbitraries.character }),
        FastCheck.array(tie("json"), { maxLength: 4 }),
        FastCheck.array(FastCheck.tuple(FastCheck.string(), tie("json")), { maxLength: 4 }).map(
          (entries) => new Map(entries)
        )
      )
    }))
    FastCheck.assert(
      FastCheck.property(json, (value) => {
        // Strict equality of all parts; vitest's own takes seconds for nested maps, and does not ask for their order.
        const again = read(Text.json(value))
        expect(isDeepStrictEqual(inOrder(again), inOrder(value)), Text.json(value)).toBe(true)
      }),
      { numRuns: 200 }
    )
  })

  it.each([
    ['{"a": 1', "syntax", 7],
    ["[1,]", "syntax", 3],
    ['"a\nb"', "syntax", 2],
    ['"\\x"', "syntax", 3],
    ["01", "syntax", 1],
    ["", "syntax", 0],
    ["1 2", "syntax", 2],
    ["[".repeat(5000), "depth", 900],
    ["9".repeat(5000), "digits", 0]
  ])("refuses %j by a typed error with its place", (text, reason, position) => {
    expect(Result.getOrThrow(Result.flip(JsonReader.read(text)))).toMatchObject({
      reason,
      position
    })
  })
})

describe("What Python prints", () => {
  it.each([
    [250, "250.0"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e16, "1e+16"],
    [123456789012345680, "1.2345678901234568e+17"],
    [1e15, "1000000000000000.0"],
    [0.0001, "0.0001"],
    [0.00001234, "1.234e-05"],
    [-0, "-0.0"],
    [5e-324, "5e-324"],
    [Number.NaN, "nan"],
    [Number.NEGATIVE_INFINITY, "-inf"]
  ])("for the float %f is %s", (float, text) => {
    expect(Text.str(float)).toBe(text)
  })

  it("quotes strings as repr does", () => {
    const quoted = ["it's", 'say "it\'s"', "a\\b\n\t", "\u0000\u007f\u00a0\u2028", "é😀", "\ud800"]
    expect(quoted.map(Text.repr)).toEqual([
      '"it\'s"',
      "'say \"it\\'s\"'",
      "'a\\\\b\\n\\t'",
      "'\\x00\\x7f\\xa0\\u2028'",
      "'é😀'",
      "'\\ud800'"
    ])
  })

  it("escapes JSON to ASCII", () => {
    expect(Text.json('é😀"\\\u007f\b')).toBe('"\\u00e9\\ud83d\\ude00\\"\\\\\\u007f\\b"')
  })

  it("sorts a dict into tuples, a tuple of one with its comma", () => {
    const value = read('{"b": [1], "a": {"x": [], "y": [true, null, 2.0]}}')
    expect(Text.tupleText(value)).toBe(
      "(('a', (('x', ()), ('y', (True, None, 2.0)))), ('b', (1,)))"
    )
    expect(Text.str(value)).toBe("{'b': [1], 'a': {'x': [], 'y': [True, None, 2.0]}}")
  })

  it("orders strings by code points, not by UTF-16", () => {
    expect(["\u{1f600}", "\uffff", "a", "ab"].sort(Text.byCodePoint)).toEqual([
      "a",
      "ab",
      "\uffff",
      "\u{1f600}"
    ])
  })
})

/** The nearest hundredth of the exact binary value, by whole numbers alone. */
const exactHundredths = (value: number): number => {
  const scale = 2n ** 80n
  const exact = BigInt(value * 2 ** 80) * 100n
  const [floor, rest] = [exact / scale, exact % scale]
  const isUp = rest * 2n > scale || (rest * 2n === scale && floor % 2n === 1n)
  return Number(floor + (isUp ? 1n : 0n)) / 100
}

describe("Rounding to cents", () => {
  it.each([
    [2.675, 2.67],
    [0.125, 0.12],
    [0.375, 0.38],
    [-0.125, -0.12],
    [1.005, 1],
    [-0.001, -0],
    [1e300, 1e300]
  ])("%f gives %f", (value, rounded) => {
    expect(Arithmetic.roundToHundredths(value)).toBe(rounded)
  })

  it("is exact for every amount, ties included, and leaves ints ints", () => {
    const amount = FastCheck.oneof(
      FastCheck.integer({ min: 0, max: 10_000_000 }).map((eighths) => eighths / 8),
      FastCheck.integer({ min: 0, max: 1_000_000_000 }).map((mills) => mills / 1000)
    )
    FastCheck.assert(
      FastCheck.property(amount, (value) => {
        expect(Arithmetic.roundToHundredths(value)).toBe(exactHundredths(value))
      }),
      { numRuns: 500 }
    )
    expect(Arithmetic.roundToHundredths(7n)).toBe(7n)
  })
})

// Each row is what CPython 3.11 answers.
const expressions: ReadonlyArray<readonly [string, string]> = [
  ["1319.43 - 302.67 + 271.89", "1288.65"],
  ["123456789*987654321", "1.2193263111263526e+17"],
  ["-2**2", "-4.0"],
  ["2**-2**2", "0.06"],
  ["2**100", "1.2676506002282294e+30"],
  ["-7//2", "-4.0"],
  ["-7//2.0", "-4.0"],
  ["5 - -3", "8.0"],
  ["00", "0.0"],
  ["08.5", "8.5"],
  ["-0.", "-0.0"],
  ["10**400//10**398", "100.0"],
  ["10**400/10**399", "10.0"],
  ["((2**53+1)*10**30+1)/10**30", "9007199254740994.0"],
  ["1/0", "ZeroDivisionError: division by zero"],
  ["1.0/0", "ZeroDivisionError: float division by zero"],
  ["1//0", "ZeroDivisionError: integer division or modulo by zero"],
  ["1.0//0", "ZeroDivisionError: float floor division by zero"],
  ["0**-1", "ZeroDivisionError: 0.0 cannot be raised to a negative power"],
  ["10.0**400", "OverflowError: (34, 'Numerical result out of range')"],
  ["10**400", "OverflowError: int too large to convert to float"],
  ["10**400/3", "OverflowError: integer division result too large for a float"],
  ["", "SyntaxError: invalid syntax (<string>, line 0)"],
  ["1 2", "SyntaxError: invalid syntax (<string>, line 1)"],
  ["(1 2)", "SyntaxError: invalid syntax. Perhaps you forgot a comma? (<string>, line 1)"],
  ["(1 2", "SyntaxError: '(' was never closed (<string>, line 1)"],
  ["2)", "SyntaxError: unmatched ')' (<string>, line 1)"],
  ["(*1)", "SyntaxError: cannot use starred expression here (<string>, line 1)"],
  [
    "1+08)",
    "SyntaxError: leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers (<string>, line 1)"
  ],
  ["1(2)", "TypeError: 'int' object is not callable"],
  ["()", "TypeError: float() argument must be a string or a real number, not 'tuple'"],
  ["...", "TypeError: float() argument must be a string or a real number, not 'ellipsis'"],
  ["1+()", "TypeError: unsupported operand type(s) for +: 'int' and 'tuple'"],
  ["(-8)**.5", "TypeError: float() argument must be a string or a real number, not 'complex'"]
]

describe("An expression for calculate", () => {
  it.each(expressions)("%j gives %s", (expression, expected) => {
    const value = attempt(() =>
      Text.str(Arithmetic.roundToHundredths(Expression.evaluate(expression)))
    )
    expect(value).toBe(expected)
  })

  it("ends at once where Python would compute for minutes", () => {
    for (const expression of ["9**9**9", Array(5000).fill("9**9999").join("*")]) {
      expect(attempt(() => Expression.evaluate(expression))).toBe(
        "OverflowError: int too large to convert to float"
      )
    }
  })

  it("of any characters that reach it ends in a float or in an exception of Python", () => {
    const characters = FastCheck.string({ unit: FastCheck.constantFrom(..."0123456789+-*/(). ") })
    FastCheck.assert(
      FastCheck.property(characters, (expression) => {
        expect(typeof attempt(() => Expression.evaluate(expression))).toMatch(/^(number|string)$/)
      }),
      { numRuns: 500 }
    )
    for (const long of ["-".repeat(100_000), "(".repeat(100_000), "1+".repeat(100_000)]) {
      expect(attempt(() => Expression.evaluate(`${long}1`))).toBeDefined()
    }
  })
})

describe("Python's operations", () => {
  it("take 5, 5.0 and True by their values and keep None, texts and lists apart", () => {
    expect(Operation.equals(5n, 5)).toBe(true)
    expect(Operation.equals(1n, true)).toBe(true)
    expect(Operation.equals(2n ** 53n + 1n, 2 ** 53)).toBe(false)
    expect(Operation.equals(null, [])).toBe(false)
    expect(Operation.equals("5", 5n)).toBe(false)
    expect(Operation.equals(read('{"a": [1, 2.0]}'), read('{"a": [1.0, 2]}'))).toBe(true)
    expect(Operation.equals(Number.NaN, Number.NaN)).toBe(false)
  })

  it("raise what CPython raises, in its words, and give what it gives", () => {
    const rows: ReadonlyArray<readonly [() => unknown, unknown]> = [
      [() => Operation.subscript(new Map(), null), "KeyError: None"],
      [
        () => Operation.subscript("text", "key"),
        "TypeError: string indices must be integers, not 'str'"
      ],
      [
        () => Operation.subscript([], "key"),
        "TypeError: list indices must be integers or slices, not str"
      ],
      [() => Operation.subscript([], 0n), "IndexError: list index out of range"],
      [() => Operation.subscript(5n, "key"), "TypeError: 'int' object is not subscriptable"],
      [() => Operation.contains(new Map(), []), "TypeError: unhashable type: 'list'"],
      [
        () => Operation.contains("text", 5n),
        "TypeError: 'in <string>' requires string as left operand, not int"
      ],
      [() => Operation.iterate(null), "TypeError: 'NoneType' object is not iterable"],
      [() => Operation.length(2.5), "TypeError: object of type 'float' has no len()"],
      [
        () => Operation.count(new Map(), 1n),
        "AttributeError: 'dict' object has no attribute 'count'"
      ],
      [() => Operation.lower(null), "AttributeError: 'NoneType' object has no attribute 'lower'"],
      [
        () => Operation.isLess("a", 1n),
        "TypeError: '<' not supported between instances of 'str' and 'int'"
      ],
      [
        () => Arithmetic.operate("-", "a", 1n),
        "TypeError: unsupported operand type(s) for -: 'str' and 'int'"
      ],
      [() => Operation.sorted(["b", "a", "b"]), ["a", "b", "b"]],
      [() => Operation.sum([1n, 2.5, true]), 4.5],
      [() => Operation.count("banana", "an"), 2],
      [() => Operation.isTruthy(Number.NaN), true]
    ]
    expect(rows.map(([run]) => attempt(run))).toEqual(rows.map(([, expected]) => expected))
  })

  it("make ints of parsed numbers without a fraction, and nothing of what JSON has not", () => {
    expect(fromJson({ a: [1, 1.5, null] })).toEqual(new Map([["a", [1n, 1.5, null]]]))
    expect(fromJson([undefined])).toBeUndefined()
    expect(fromJson(() => 1)).toBeUndefined()
  })
})
