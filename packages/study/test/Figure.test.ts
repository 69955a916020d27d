/** Tests of figures: every number is where it belongs, and any name may be drawn. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Figure from "../src/Figure.ts"

const look = { colour: "#123456" }

const numbers = (svg: string, attribute: string) =>
  [...svg.matchAll(new RegExp(`<circle[^>]* ${attribute}="([^"]+)"`, "g"))].map((match) =>
    Number(match[1])
  )

describe("dots", () => {
  it("stand in the order of their means, inside their intervals", () => {
    const rows = [0.2, 0.5, 0.9].map((mean, i) => ({
      group: "L2",
      name: `arm ${i}`,
      mean,
      low: mean - 0.1,
      high: mean + 0.05,
      look,
      seeds: []
    }))
    const svg = Figure.dots(rows)
    const places = numbers(svg, "cx")
    expect(places).toHaveLength(3)
    const [a = 0, b = 0, c = 0] = places
    expect((c - b) / (b - a)).toBeCloseTo(4 / 3, 6)
    const [, rules = ""] = /aria-label="rule"([\s\S]*?)<\/g><\/g>/.exec(svg) ?? []
    const ends = (name: string) =>
      [...rules.matchAll(new RegExp(` ${name}="([^"]+)"`, "g"))].map((match) => Number(match[1]))
    const unit = (c - a) / 0.7
    for (const [i, x] of places.entries()) {
      expect(x - (ends("x1")[i] ?? 0)).toBeCloseTo(0.1 * unit, 6)
      expect((ends("x2")[i] ?? 0) - x).toBeCloseTo(0.05 * unit, 6)
    }
    expect(svg).toContain("arm 2")
  })

  it("have a ring for each seed", () => {
    const seeds = [0.4, 0.5, 0.6]
    const row = { group: "L3", name: "a", mean: 0.5, low: 0.4, high: 0.6, seeds, look }
    expect(numbers(Figure.dots([row]), "cx")).toHaveLength(4)
  })

  it("are drawn for any name, which stays text", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (name) => {
        const row = { group: name, name, mean: 0.5, low: 0.4, high: 0.6, seeds: [], look }
        const svg = Figure.dots([row])
        expect(svg.startsWith("<svg xmlns=")).toBe(true)
        expect(svg).not.toContain("NaN")
        if (/^<\w/.test(name)) expect(svg).not.toContain(name)
      }),
      { numRuns: 20, examples: [["<script>alert(1)</script>"], ["a & b"], ['"']] }
    )
  })
})

describe("curves", () => {
  const points = [1, 10, 100].map((x, i) => ({ name: "real", look, x, y: 0.1 * (i + 1) }))

  it("are straight where the numbers are, on a scale that spans decades", () => {
    const svg = Figure.curves(points, { x: "n", y: "%", isLogarithmic: true, isShare: true })
    const [a = 0, b = 0, c = 0] = numbers(svg, "cx")
    expect(c - b).toBeCloseTo(b - a, 6)
    const [d = 0, e = 0, f = 0] = numbers(svg, "cy")
    expect(f - e).toBeCloseTo(e - d, 6)
    expect(e).toBeLessThan(d)
  })

  it("that end together have names that can be read apart", () => {
    const names = ["a", "b", "c", "d"]
    const together = names.flatMap((name, i) => [
      { name, look, x: 0, y: 0.2 },
      { name, look, x: 1 + i, y: 0.999 + i / 1000 }
    ])
    const svg = Figure.curves(together, { x: "n", y: "%", isShare: true })
    const texts = names.map((name) =>
      new RegExp(`translate\\(([^,]+),([^)]+)\\)[^>]*>${name}<`).exec(svg)
    )
    const places = texts.map((text) => Number(text?.[2]))
    expect(new Set(texts.map((text) => text?.[1])).size).toBe(1)
    expect(Math.min(...places)).toBeGreaterThanOrEqual(28)
    for (const [i, place] of places.entries()) {
      if (i > 0) expect((places[i - 1] ?? 0) - place).toBeGreaterThanOrEqual(14.9)
    }
  })

  it("keep the look that they are given, whatever stands beside them", () => {
    const dashed = points.map((point) => ({
      ...point,
      name: "dreamt",
      look: { colour: "#abcdef", isDashed: true }
    }))
    const svg = Figure.curves([...dashed, ...points], { x: "n", y: "%" })
    const lines = svg.match(/<g [^>]*aria-label="line"[^>]*>/g) ?? []
    expect(lines.map((tag) => /stroke="(#.{6})"/.exec(tag)?.[1])).toEqual(["#abcdef", "#123456"])
    expect(lines.map((tag) => tag.includes("dasharray"))).toEqual([true, false])
  })

  it("that are flat have heights all the same", () => {
    const flat = points.map((point) => ({ ...point, y: 11 }))
    expect(Figure.curves(flat, { x: "n", y: "steps" })).not.toContain("NaN")
  })

  it("have their names beside them, once", () => {
    const svg = Figure.curves(points, { x: "n", y: "loss" })
    expect(svg.match(/>real</g)).toHaveLength(1)
  })
})
