import { describe, expect, it } from "vitest"
import { Gradient, Op, Optimizer, Parameters, Print, TrainStep } from "../src/index.ts"

const x = Op.input("x", [4, 3])
const weight = Op.input("weight", [2, 3])
const labels = Op.input("labels", [4], "int64")
const logits = Op.matMul(Op.silu(x), weight, { transposeB: true, scale: 0.5 })
const loss = Op.crossEntropy(logits, labels)

describe("a printed graph", () => {
  it("has a line for every node, its attributes and its shape", () => {
    expect(Print.graph({ logits, loss })).toMatchInlineSnapshot(`
      "%0 = input "x" : float32 [4, 3]
      %1 = input "weight" : float32 [2, 3]
      %2 = input "labels" : int64 [4]
      %3 = silu(%0) : float32 [4, 3]
      %4 = matMul(%3, %1) {transposeB, scale 0.5} : float32 [4, 2]
      %5 = logSoftmax(%4) : float32 [4, 2]
      %6 = pick(%5, %2) : float32 [4]
      %7 = negate(%6) : float32 [4]
      %8 = mean(%7) {axes [0]} : float32 []
      logits = %4
      loss = %8"
    `)
  })

  it("shows what the backward pass shares with the forward pass", () => {
    const [slope = loss] = Gradient.gradients(loss, [weight])
    expect(Print.graph({ loss, slope })).toMatchInlineSnapshot(`
      "%0 = input "x" : float32 [4, 3]
      %1 = input "weight" : float32 [2, 3]
      %2 = input "labels" : int64 [4]
      %3 = silu(%0) : float32 [4, 3]
      %4 = matMul(%3, %1) {transposeB, scale 0.5} : float32 [4, 2]
      %5 = logSoftmax(%4) : float32 [4, 2]
      %6 = pick(%5, %2) : float32 [4]
      %7 = negate(%6) : float32 [4]
      %8 = mean(%7) {axes [0]} : float32 []
      %9 = reshape(1) : float32 [1]
      %10 = multiply(%9, 0.25) : float32 [1]
      %11 = broadcastTo(%10) : float32 [4]
      %12 = negate(%11) : float32 [4]
      %13 = exp(%5) : float32 [4, 2]
      %14 = constant -1, -1, -1, -1 : float32 [4]
      %15 = addAt(%13, %2, %14) : float32 [4, 2]
      %16 = negate(%12) : float32 [4]
      %17 = reshape(%16) : float32 [4, 1]
      %18 = multiply(%15, %17) : float32 [4, 2]
      %19 = matMul(%18, %3) {transposeA, scale 0.5} : float32 [2, 3]
      loss = %8
      slope = %19"
    `)
  })

  it("shows attention with its mask", () => {
    const queries = Op.input("queries", [1, 2, 3, 4])
    const keys = Op.input("keys", [1, 1, 3, 4])
    const operands = { query: queries, key: keys, value: keys }
    const attended = Op.attention(operands, { visible: Op.causalMask(3) })
    expect(Print.graph({ attended })).toMatchInlineSnapshot(`
      "%0 = input "queries" : float32 [1, 2, 3, 4]
      %1 = input "keys" : float32 [1, 1, 3, 4]
      %2 = constant 1, 0, 0, 1, 1, 0, 1, 1, ... (9) : bool [3, 3]
      %3 = reshape(%0) : float32 [1, 1, 6, 4]
      %4 = matMul(%3, %1) {transposeB, scale 0.5} : float32 [1, 1, 6, 3]
      %5 = reshape(%4) : float32 [1, 2, 3, 3]
      %6 = where(%2, 0, -1000000000) : float32 [3, 3]
      %7 = add(%5, %6) : float32 [1, 2, 3, 3]
      %8 = softmax(%7) : float32 [1, 2, 3, 3]
      %9 = reshape(%8) : float32 [1, 1, 6, 3]
      %10 = matMul(%9, %1) : float32 [1, 1, 6, 4]
      %11 = reshape(%10) : float32 [1, 2, 3, 4]
      attended = %11"
    `)
  })

  it("shows a whole step with its optimizer", () => {
    const parameters = Parameters.inputs({ p: { shape: [2] } })
    const step = TrainStep.graph({
      loss: Op.mean(Op.square(parameters.p)),
      outputs: {},
      parameters,
      optimizer: Optimizer.sgd({ momentum: 0.9 }),
      maxGradNorm: 1
    })
    expect(Print.graph(step)).toMatchInlineSnapshot(`
      "%0 = input "p" : float32 [2]
      %1 = multiply(%0, %0) : float32 [2]
      %2 = mean(%1) {axes [0]} : float32 []
      %3 = reshape(1) : float32 [1]
      %4 = multiply(%3, 0.5) : float32 [1]
      %5 = broadcastTo(%4) : float32 [2]
      %6 = multiply(%5, %0) : float32 [2]
      %7 = multiply(%5, %0) : float32 [2]
      %8 = add(%6, %7) : float32 [2]
      %9 = sumSquares(%8) {axes [0]} : float32 []
      %10 = reshape(%9) : float32 [1]
      %11 = sum(%10) {axes [0], keepDims} : float32 [1]
      %12 = sqrt(%11) : float32 [1]
      %13 = reshape(%2) : float32 [1]
      %14 = input "state/p.momentum" : float32 [2]
      %15 = input "state/step" : float32 [1]
      %16 = add(%15, 1) : float32 [1]
      %17 = add(%12, 0.000001) : float32 [1]
      %18 = divide(1, %17) : float32 [1]
      %19 = minimum(%18, 1) : float32 [1]
      %20 = multiply(%8, %19) : float32 [2]
      %21 = input "learningRate" : float32 [1]
      %22 = multiply(%14, 0.9) : float32 [2]
      %23 = add(%22, %20) : float32 [2]
      %24 = multiply(%23, %21) : float32 [2]
      %25 = negate(%24) : float32 [2]
      %26 = add(%0, %25) : float32 [2]
      updated parameters/p = %26
      updated state/p.momentum = %23
      updated state/step = %16
      loss = %13
      gradientNorm = %12
      squares = %10"
    `)
  })
})
