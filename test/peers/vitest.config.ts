import { defineConfig } from "vitest/config";

const inherited = {
  // Each call of wrangler starts a process of a second or two.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  pool: "forks",
} as const;

export default defineConfig({
  test: {
    maxWorkers: "100%",
    projects: [
      {
        test: {
          ...inherited,
          name: "peers",
          include: ["test/peers/*.test.ts"],
          exclude: ["test/peers/node_modules/**"],
        },
      },
      // What the clients that others wrote are to the embedded server, once more, with its data in PostgreSQL.
      {
        test: {
          ...inherited,
          name: "peers-on-postgres",
          include: ["test/peers/{sdk,wrangler}.test.ts"],
          globalSetup: "test/support/postgres-setup.ts",
          env: { KVSYNC_TEST_STORE: "postgres" },
        },
      },
    ],
  },
});
