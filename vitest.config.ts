import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/peers/**", "node_modules/**"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    globalSetup: "test/support/build-cli.ts",
    pool: "forks",
    // Unless told otherwise, vitest leaves one processor idle: on two it would run one file at a time, and most tests wait for
    // processes of their own rather than compute.
    maxWorkers: "100%",
  },
});
