import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["source"] } },
  resolve: { conditions: ["source"] },
  test: { name: "pipeline", include: ["test/**/*.test.ts"], testTimeout: 60_000 }
})
