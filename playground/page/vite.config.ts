import { defineConfig } from "vitest/config";

// Paths are relative: the page is opened from any folder of any server.
export default defineConfig({
  base: "./",
  assetsInclude: ["**/*.csv.gz", "**/*.wasm"],
  build: { target: "es2022", assetsInlineLimit: 0, sourcemap: false },
  worker: { format: "es" },
  server: { fs: { allow: ["../.."] } },
  test: { include: ["tests/*.test.ts"], testTimeout: 120_000 },
});
