/**
 * The nearest orthogonal matrix by five Newton-Schulz steps, for many matrices at once.
 * Source: Jordan et al. 2024, github.com/KellerJordan/Muon, `zeropower_via_newtonschulz5`.
 */
import * as Op from "./Op.ts"
import * as Shape from "./Shape.ts"
import type { Value } from "./Value.ts"

const [linear, cubic, quintic] = [3.4445, -4.775, 2.0315]
const steps = 5

/** Matrices of one shape stacked, [N, rows, columns] with rows <= columns, made orthogonal. */
const orthogonal = (stack: Value): Value => {
  const norms = Op.sqrt(Op.sumSquares(stack, [1, 2], { keepDims: true }))
  let x = Op.divide(stack, Op.add(norms, 1e-7))
  for (let step = 0; step < steps; step++) {
    const gram = Op.matMul(x, x, { transposeB: true })
    const mix = Op.add(Op.multiply(gram, cubic), Op.matMul(gram, gram, { scale: quintic }))
    x = Op.add(Op.multiply(x, linear), Op.matMul(mix, x))
  }
  return x
}

/** Each named matrix [rows, columns] orthogonalised; equal shapes share their matrix products. */
export const newtonSchulz = (matrices: {
  readonly [name: string]: Value
}): { readonly [name: string]: Value } => {
  const groups = Map.groupBy(Object.entries(matrices), ([, value]) => value.shape.join())
  const results = [...groups.values()].flatMap((group) => {
    const wide = orthogonal(
      Op.concat(
        group.map(([, value]) => wideOf(value)),
        0
      )
    )
    return group.map(([name, value], index) => {
      const one = Op.slice(wide, 0, index, index + 1)
      const upright = isTall(value.shape) ? Op.transpose(one, [0, 2, 1]) : one
      return [name, Op.reshape(upright, value.shape)] as const
    })
  })
  return Object.fromEntries(results)
}

const isTall = ([rows = 1, columns = 1]: Shape.Shape) => rows > columns

const wideOf = (value: Value): Value => {
  const [rows = 1, columns = 1] = value.shape
  if (value.shape.length !== 2)
    throw new Shape.ShapeError(
      "muon",
      [value.shape],
      "it only updates matrices; partition the rest"
    )
  const lying = isTall(value.shape) ? Op.transpose(value, [1, 0]) : value
  return Op.reshape(lying, [1, Math.min(rows, columns), Math.max(rows, columns)])
}
