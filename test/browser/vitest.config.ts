import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "../..");

export default defineConfig({
  test: {
    root,
    include: ["test/browser/**/*.test.ts"],
    globalSetup: [join(root, "test/support/build-cli.ts"), join(root, "test/browser/browser-server.ts")],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 30_000 } },
    pool: "forks",
    maxWorkers: 2,
    retry: process.env.CI === undefined ? 0 : 1,
  },
});
