import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { Initializer, Parameters } from "../src/index.ts"
import * as Decoder from "./Decoder.ts"

const specifications = {
  weight: { shape: [2, 3], initial: Initializer.normal(1) },
  gain: { shape: [3], initial: Initializer.ones }
}

describe("parameters", () => {
  it("lie in one shared memory in the order of their specifications", () => {
    const parameters = Parameters.make(specifications, Decoder.randomOf(1))
    expect(parameters.memory).toBeInstanceOf(SharedArrayBuffer)
    const all = [...parameters.arrays.weight, ...parameters.arrays.gain]
    expect([...new Float32Array(parameters.memory)]).toEqual(all)
  })

  it("are summed up in a table with aligned columns", () => {
    const shapes = { "lm_head.weight": [512, 100], gain: [300] }
    expect(Parameters.summary({ shapes }).split("\n")).toEqual([
      "parameter       shape           count    share",
      "lm_head.weight  [512, 100]     51,200   99.4 %",
      "gain            [300]             300    0.6 %",
      "2 parameters    206,000 bytes  51,500  100.0 %"
    ])
  })

  it("are the same for the same randomness, and their copy is their own", () => {
    const [one, two] = [1, 1].map((seed) => Parameters.make(specifications, Decoder.randomOf(seed)))
    expect(two?.arrays).toEqual(one?.arrays)
    const parameters = Parameters.make(specifications, Decoder.randomOf(2))
    const copy = Parameters.copy(parameters)
    parameters.arrays.gain.fill(7)
    expect([...copy.arrays.gain]).toEqual([1, 1, 1])
  })

  const tensor = (shape: ReadonlyArray<number>) => ({ shape, data: new Float32Array(6) })
  const refusals: ReadonlyArray<readonly [string, Parameters.TensorsOf, RegExp]> = [
    ["Missing", {}, /parameter weight should be \[2, 3\] but is absent/],
    [
      "Misshapen",
      { weight: tensor([3, 2]) },
      /parameter weight should be \[2, 3\] but is \[3, 2\]/
    ],
    ["Unknown", { weight: tensor([2, 3]), bias: tensor([6]) }, /bias should be absent but is \[6\]/]
  ]
  for (const [reason, tensors, message] of refusals)
    it(`refuse tensors that are ${reason.toLowerCase()}`, () => {
      const result = Parameters.fromTensors({ weight: [2, 3] }, tensors)
      const error = Result.isFailure(result) ? result.failure : undefined
      expect(error?.reason).toBe(reason)
      expect(error?.message).toMatch(message)
    })
})

describe("an initializer", () => {
  const shape = [40, 60]
  const moments = (numbers: Float32Array) => {
    const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length
    return [mean, numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length]
  }
  const variances: ReadonlyArray<readonly [string, Initializer.Initializer, number]> = [
    ["normal", Initializer.normal(0.5), 0.25],
    ["uniform", Initializer.uniform(-1, 1), 1 / 3],
    ["xavier", Initializer.xavier, 2 / 100],
    ["kaiming", Initializer.kaiming, 2 / 40]
  ]
  for (const [name, initial, variance] of variances)
    it(`${name} is centred and has its published variance`, () => {
      const [mean = NaN, found = NaN] = moments(initial(shape, Decoder.randomOf(1)))
      expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / 2400))
      expect(found / variance).toBeGreaterThan(0.85)
      expect(found / variance).toBeLessThan(1.15)
    })

  for (const [rows, columns] of [
    [3, 5],
    [5, 3]
  ] as const)
    it(`orthogonal [${rows}, ${columns}] has orthogonal vectors of the gain's length`, () => {
      const matrix = Initializer.orthogonal(2)([rows, columns], Decoder.randomOf(3))
      const at = (row: number, column: number) => matrix[row * columns + column] ?? NaN
      const count = Math.min(rows, columns)
      for (let i = 0; i < count; i++)
        for (let j = 0; j < count; j++) {
          const products = Array.from({ length: Math.max(rows, columns) }, (_, k) =>
            rows < columns ? at(i, k) * at(j, k) : at(k, i) * at(k, j)
          )
          expect(products.reduce((a, b) => a + b)).toBeCloseTo(i === j ? 4 : 0, 5)
        }
    })
})
