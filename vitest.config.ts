import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Tests that start processes: each file has a worker of its own. */
const E2E = ["test/{e2e,formats,simulation}/**/*.test.ts"];
/** Tests of what keeps its data in PostgreSQL: one server for all of them. */
const POSTGRES = ["test/postgres/**/*.test.ts"];

const inherited = {
  // What surely comes is waited for, however slow the machine is today.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 30_000 } },
  pool: "forks",
  // On a shared machine a process, a thread or a disk can keep a test waiting for seconds. CI gives it a second go, and names it at its end.
  retry: process.env.CI === undefined ? 0 : 1,
} as const;

export default defineConfig({
  test: {
    // Unless told otherwise, vitest leaves one processor idle: on two it would run one file at a time. Most tests wait for
    // processes of their own, and those for disks and clocks.
    maxWorkers: 2 * availableParallelism(),
    globalSetup: "test/support/build-cli.ts",
    projects: [
      { test: { ...inherited, name: "e2e", include: E2E } },
      // Their workers go on to the next file: a worker takes a third of a second of a processor to start, and the files are many.
      {
        test: {
          ...inherited,
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...E2E, ...POSTGRES, "test/{browser,peers}/**"],
          isolate: false,
        },
      },
      {
        test: {
          ...inherited,
          name: "postgres",
          include: POSTGRES,
          globalSetup: "test/support/postgres-setup.ts",
          isolate: false,
        },
      },
      // The server's whole suite once more, over another store.
      {
        test: {
          ...inherited,
          name: "server-on-postgres",
          include: ["test/unit/server/**/*.test.ts"],
          globalSetup: "test/support/postgres-setup.ts",
          env: { KVSYNC_TEST_STORE: "postgres" },
          isolate: false,
        },
      },
    ],
  },
});
