import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/peers/*.test.ts"],
    exclude: ["test/peers/node_modules/**"],
    // Each call of wrangler starts a process of a second or two.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: "100%",
  },
});
