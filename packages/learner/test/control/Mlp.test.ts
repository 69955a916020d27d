import { Seed } from "@dreamgym/domain"
import { Interpreter, Op, Parameters } from "@dreamgym/graph"
import { assert, describe, it } from "vitest"
import * as Mlp from "../../control/Mlp.ts"

const config = { observationSize: 5, actions: 3, hidden: 8 }
const fresh = () => Parameters.make(Mlp.specs(config), Seed.generator(4))

describe("The two towers", () => {
  it("say in plain numbers what the graph says", () => {
    const parameters = fresh()
    const random = Seed.generator(5)
    for (const array of Object.values(parameters.arrays))
      for (let i = 0; i < array.length; i++) array[i] = (array[i] ?? 0) + random() - 0.5
    const rows = Array.from({ length: 4 }, () => Array.from({ length: 5 }, () => random() - 0.5))
    const { logitsBA, valueB } = Mlp.forward(
      Parameters.inputs(Mlp.specs(config)),
      Op.input("x", [4, 5])
    )
    const { logs, value } = Interpreter.evaluate(
      { logs: Op.logSoftmax(logitsBA), value: valueB },
      { ...parameters.arrays, x: rows.flat() }
    )
    for (const [b, row] of rows.entries()) {
      const judged = Mlp.judge(parameters, row)
      assert.closeTo(judged.value, value[b] ?? 9, 1e-9)
      for (const [a, one] of judged.logProbabilities.entries())
        assert.closeTo(one, logs[b * 3 + a] ?? 9, 1e-9)
    }
  })

  it("begin orthogonal, with the gains of the 37 details, and with biases 0", () => {
    const { arrays, shapes } = fresh()
    const gains = { 0: Math.SQRT2, 1: Math.SQRT2 }
    for (const [name, array] of Object.entries(arrays)) {
      if (name.endsWith("bias")) {
        assert.isTrue(array.every((x) => x === 0))
        continue
      }
      const [rows = 0, columns = 0] = shapes[name] ?? []
      const isLast = name.includes(".2.")
      const gain = isLast
        ? name.startsWith("policy")
          ? 0.01
          : 1
        : gains[name.includes(".0.") ? 0 : 1]
      // Of the shorter side, the vectors have length `gain` and are at right angles.
      const vector = (k: number) =>
        rows < columns
          ? Array.from(array.subarray(k * columns, (k + 1) * columns))
          : Array.from({ length: rows }, (_, i) => array[i * columns + k] ?? 0)
      for (let i = 0; i < Math.min(rows, columns); i++) {
        for (let j = 0; j <= i; j++) {
          const [a, b] = [vector(i), vector(j)]
          const product = a.reduce((sum, x, k) => sum + x * (b[k] ?? 0), 0)
          assert.closeTo(product, i === j ? gain ** 2 : 0, 1e-5, name)
        }
      }
    }
  })
})
