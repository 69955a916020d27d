import { describe, expect, it } from "vitest"
import { Interpreter, Op, Optimizer, Parameters, Schedule, type Shape } from "../src/index.ts"
import * as Decoder from "./Decoder.ts"

type Numbers = { readonly [name: string]: ReadonlyArray<number> }
type Shapes = { readonly [name: string]: Shape.Shape }

const randomNumbers = (shapes: Shapes, random: () => number): Numbers =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1)
    ])
  )

const inputs = (shapes: Shapes, prefix: string) =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, Op.input(prefix + name, shape)])
  )

const prefixed = (numbers: { readonly [name: string]: ArrayLike<number> }, prefix: string) =>
  Object.fromEntries(Object.entries(numbers).map(([name, list]) => [prefix + name, list]))

/** Runs an optimizer in the interpreter on a fixed list of gradients; the parameters after each. */
const trained = (
  optimizer: Optimizer.Optimizer,
  shapes: Shapes,
  start: Numbers,
  gradients: ReadonlyArray<Numbers>,
  learningRate: number
) => {
  const stateShapes = Object.fromEntries(
    Object.entries(optimizer.init(shapes)).map(([name, one]) => [name, one.shape])
  )
  const parameters = inputs(shapes, "p/")
  const { updates, state } = optimizer.update({
    updates: inputs(shapes, "g/"),
    state: inputs(stateShapes, "s/"),
    parameters,
    learningRate: Op.input("rate", [1]),
    step: Op.input("step", [1])
  })
  const moved = Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      `p/${name}`,
      Op.add(value, updates[name] ?? Op.constant(NaN))
    ])
  )
  let now: { readonly [name: string]: ArrayLike<number> } = {
    ...prefixed(start, "p/"),
    ...prefixed(Parameters.zeros(stateShapes).arrays, "s/")
  }
  return gradients.map((gradient, index) => {
    const feeds = { ...now, ...prefixed(gradient, "g/"), rate: [learningRate], step: [index + 1] }
    now = Interpreter.evaluate({ ...moved, ...prefixed2(state) }, feeds)
    return now
  })
}

const prefixed2 = <A>(values: { readonly [name: string]: A }) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`s/${name}`, value]))

const closeTo = (actual: ArrayLike<number>, expected: ReadonlyArray<number>) => {
  expect(actual.length).toBe(expected.length)
  expected.forEach((x, index) => expect(actual[index]).toBeCloseTo(x, 10))
}

/** torch.optim.AdamW, single tensor, as in its documentation. */
const torchAdamW = (
  start: ReadonlyArray<number>,
  gradients: ReadonlyArray<ReadonlyArray<number>>,
  {
    rate,
    beta1,
    beta2,
    epsilon,
    decay
  }: { [name in "rate" | "beta1" | "beta2" | "epsilon" | "decay"]: number }
) => {
  let [p, m, v] = [[...start], start.map(() => 0), start.map(() => 0)]
  gradients.forEach((gradient, index) => {
    const t = index + 1
    p = p.map((x) => x - rate * decay * x)
    m = m.map((x, i) => beta1 * x + (1 - beta1) * (gradient[i] ?? NaN))
    v = v.map((x, i) => beta2 * x + (1 - beta2) * (gradient[i] ?? NaN) ** 2)
    p = p.map((x, i) => {
      const stepSize = rate / (1 - beta1 ** t)
      const denominator = Math.sqrt(v[i] ?? NaN) / Math.sqrt(1 - beta2 ** t) + epsilon
      return x - (stepSize * (m[i] ?? NaN)) / denominator
    })
  })
  return p
}

const gradientsOf = (shapes: Shapes, steps: number) => {
  const random = Decoder.randomOf(9)
  return Array.from({ length: steps }, () => randomNumbers(shapes, random))
}

describe("AdamW", () => {
  it("moves parameters for 100 steps as PyTorch's formula does", () => {
    const shapes = { weight: [3, 2], scale: [] }
    const start = randomNumbers(shapes, Decoder.randomOf(1))
    const gradients = gradientsOf(shapes, 100)
    const [beta1, beta2, epsilon, decay, rate] = [0.8, 0.95, 1e-6, 0.1, 0.02]
    const optimizer = Optimizer.adamW({ beta1, beta2, epsilon, weightDecay: decay })
    const end = trained(optimizer, shapes, start, gradients, rate).at(-1) ?? {}
    for (const name of ["weight", "scale"])
      closeTo(
        end[`p/${name}`] ?? [],
        torchAdamW(
          start[name] ?? [],
          gradients.map((one) => one[name] ?? []),
          { rate, beta1, beta2, epsilon, decay }
        )
      )
  })
})

type Matrix = ReadonlyArray<ReadonlyArray<number>>

const transposed = (a: Matrix): Matrix => (a[0] ?? []).map((_, j) => a.map((row) => row[j] ?? NaN))
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) =>
    transposed(b).map((column) => row.reduce((sum, x, k) => sum + x * (column[k] ?? NaN), 0))
  )
const mix = (a: Matrix, b: Matrix, f: (x: number, y: number) => number): Matrix =>
  a.map((row, i) => row.map((x, j) => f(x, b[i]?.[j] ?? NaN)))

/** zeropower_via_newtonschulz5 of github.com/KellerJordan/Muon, line by line. */
const zeroPower = (g: Matrix): Matrix => {
  const [a, b, c] = [3.4445, -4.775, 2.0315]
  const isTall = g.length > (g[0]?.length ?? 0)
  let x = isTall ? transposed(g) : g
  const norm = Math.sqrt(x.flat().reduce((sum, y) => sum + y * y, 0))
  x = x.map((row) => row.map((y) => y / (norm + 1e-7)))
  for (let step = 0; step < 5; step++) {
    const A = times(x, transposed(x))
    const B = mix(A, times(A, A), (p, q) => b * p + c * q)
    x = mix(x, times(B, x), (p, q) => a * p + q)
  }
  return isTall ? transposed(x) : x
}

const matrixOf = (numbers: ReadonlyArray<number>, columns: number): Matrix =>
  Array.from({ length: numbers.length / columns }, (_, row) =>
    numbers.slice(row * columns, (row + 1) * columns)
  )

/** muon_update and the decoupled decay of the same source, on one matrix. */
const publishedMuon = (
  start: Matrix,
  gradients: ReadonlyArray<Matrix>,
  rate: number,
  decay: number
) => {
  let p = start
  let momentum: Matrix = start.map((row) => row.map(() => 0))
  for (const gradient of gradients) {
    momentum = mix(momentum, gradient, (m, g) => m + (g - m) * (1 - 0.95))
    const update = zeroPower(mix(gradient, momentum, (g, m) => g + (m - g) * 0.95))
    const scale = Math.max(1, p.length / (p[0]?.length ?? 1)) ** 0.5
    p = mix(p, update, (x, u) => x * (1 - rate * decay) - rate * scale * u)
  }
  return p
}

describe("Muon", () => {
  it("moves matrices of equal, wide and tall shapes as its published code does", () => {
    const shapes = { a: [2, 5], b: [2, 5], wide: [3, 4], tall: [6, 2] }
    const start = randomNumbers(shapes, Decoder.randomOf(5))
    const gradients = gradientsOf(shapes, 5)
    const end =
      trained(Optimizer.muon({ weightDecay: 0.1 }), shapes, start, gradients, 0.05).at(-1) ?? {}
    for (const [name, [, columns = 1]] of Object.entries(shapes)) {
      const each = gradients.map((one) => matrixOf(one[name] ?? [], columns))
      const expected = publishedMuon(matrixOf(start[name] ?? [], columns), each, 0.05, 0.1)
      closeTo(end[`p/${name}`] ?? [], expected.flat())
    }
  })

  it("refuses what is not a matrix, with the remedy", () => {
    expect(() => trained(Optimizer.muon(), { bias: [3] }, { bias: [0, 0, 0] }, [], 1)).toThrow(
      /muon does not take \[3\]: it only updates matrices; partition the rest/
    )
  })
})

describe("composed optimizers", () => {
  const shapes = { matrix: [2, 2], gain: [2] }
  const start = randomNumbers(shapes, Decoder.randomOf(2))
  const gradients = gradientsOf(shapes, 3)

  it("partition gives each parameter what its own optimizer would", () => {
    const parts = { muon: Optimizer.muon(), rest: Optimizer.adamW() }
    const label = (_: string, shape: Shape.Shape): "muon" | "rest" =>
      shape.length === 2 ? "muon" : "rest"
    const run = (optimizer: Optimizer.Optimizer, some: Shapes) =>
      trained(optimizer, some, start, gradients, 0.1).at(-1)
    expect(run(Optimizer.partition(label, parts), shapes)).toEqual({
      ...run(parts.muon, { matrix: [2, 2] }),
      ...run(parts.rest, { gain: [2] })
    })
  })

  it("sgd with momentum sums gradients as PyTorch does", () => {
    const end = trained(Optimizer.sgd({ momentum: 0.9 }), { gain: [2] }, start, gradients, 0.1).at(
      -1
    )
    const expected = (start["gain"] ?? []).map((x, i) => {
      const [g1 = NaN, g2 = NaN, g3 = NaN] = gradients.map((one) => one["gain"]?.[i])
      const [v1, v2] = [g1, 0.9 * g1 + g2]
      return x - 0.1 * (v1 + v2 + (0.9 * v2 + g3))
    })
    closeTo(end?.["p/gain"] ?? [], expected)
  })

  it("clipping scales all gradients together to the given norm", () => {
    const optimizer = Optimizer.chain(Optimizer.clipByGlobalNorm(0.5), Optimizer.sgd())
    const [first] = trained(optimizer, shapes, start, gradients, 1)
    const moves = Object.entries(start).flatMap(([name, list]) =>
      list.map((x, index) => x - (first?.[`p/${name}`]?.[index] ?? NaN))
    )
    expect(Math.hypot(...moves)).toBeCloseTo(0.5, 5)
  })
})

describe("a schedule", () => {
  it("rises in the warm-up and falls by half a cosine after it", () => {
    const rate = Schedule.warmUp(2, Schedule.cosine({ from: 1, to: 0, steps: 4 }))
    const rates = [0, 1, 2, 3, 4, 5, 6, 7].map((step) => Number(rate(step).toFixed(3)))
    expect(rates).toEqual([0.5, 1, 1, 0.854, 0.5, 0.146, 0, 0])
  })

  it("goes straight from one rate to another and stays there", () => {
    const rate = Schedule.linear({ from: 2, to: 1, steps: 2 })
    expect([0, 1, 2, 9].map(rate)).toEqual([2, 1.5, 1, 1])
    expect(Schedule.constant(3)(5)).toBe(3)
  })
})
