import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const folder = new URL("..", import.meta.url)
const readme = readFileSync(new URL("README.md", folder), "utf8")
const [, example = ""] = /```ts\n([^]*?)```/.exec(readme) ?? []

it("the README's example has 25 lines, learns XOR and prints its falling loss", () => {
  expect(example.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(25)
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=source", "--input-type=module-typescript", "-"],
    {
      cwd: fileURLToPath(folder),
      input: example.replace('"@dreamgym/graph"', '"./src/index.ts"'),
      encoding: "utf8"
    }
  )
  const losses = [...stdout.matchAll(/^step (\d+): loss (\d\.\d{4})$/gm)]
  expect(losses.map(([, step]) => step).join(), stderr).toBe("0,50,100,150,200")
  expect(Number(losses[0]?.[2])).toBeGreaterThan(0.2)
  expect(Number(losses[4]?.[2])).toBeLessThan(0.01)
})
