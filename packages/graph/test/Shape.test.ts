import { describe, expect, it } from "vitest"
import { Gradient, Op, Shape } from "../src/index.ts"

const x = Op.input("x", [2, 3])
const y = Op.input("y", [4])
const ids = Op.input("ids", [2], "int64")

describe("a graph that does not fit", () => {
  const refusals: ReadonlyArray<readonly [string, () => unknown, RegExp]> = [
    ["operands", () => Op.add(x, y), /^Add does not take \[2, 3\] and \[4\]: aligned axes must be/],
    ["types", () => Op.add(x, ids), /operand types differ: float32 and int64/],
    ["matrices", () => Op.matMul(x, x), /^matMul does not take .*: inner axes are 3 and 2/],
    ["elements", () => Op.reshape(x, [4, -1]), /^reshape does not take \[2, 3\] and \[4, -1\]/],
    ["an axis", () => Op.sum(x, [2]), /there is no axis 2/],
    ["a range", () => Op.slice(x, 1, 2, 4), /axis 1 has no range 2 to 4/],
    ["float ids", () => Op.gather(x, y), /ids are float32, not int64/],
    ["a loss of many", () => Gradient.gradients(x, [x]), /the loss must have one element/]
  ]
  for (const [what, build, message] of refusals)
    it(`is refused where it is written: ${what}`, () => {
      expect(build).toThrow(Shape.ShapeError)
      expect(build).toThrow(message)
      expect(build).toThrow(/Shape\.test\.ts:\d+/)
    })

  it("is refused if a parameter reaches the loss where there is no gradient", () => {
    const cos = Op.input("cos", [3, 4])
    const turned = Op.rotary(Op.input("heads", [1, 1, 3, 8]), cos, cos)
    expect(() => Gradient.gradients(Op.sum(turned), [cos])).toThrow(
      /Rotary has no gradient for its input 1, .* wrap that input in stopGradient/
    )
  })
})

describe("gradients", () => {
  it("are zero for a parameter that the loss does not depend on", () => {
    const [slope] = Gradient.gradients(Op.sum(y), [x])
    expect(slope?.shape).toEqual([2, 3])
  })
})
