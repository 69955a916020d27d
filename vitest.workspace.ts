import { defineConfig } from "vitest/config"

/** One project per package; run with `vitest run --config vitest.workspace.ts`. */
export default defineConfig({
  ssr: { resolve: { conditions: ["source"] } },
  resolve: { conditions: ["source"] },
  test: { projects: ["packages/*"] }
})
