// The embedded server as tests use it: in memory, on a free port, and with every exchange held against Cloudflare's
// OpenAPI document, so that the whole suite checks the server as it goes. The project "server-on-postgres" runs its suite once more, over
// PostgreSQL: there a server that is given no database has a schema of its own.

import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { openServer, type RunningServer, type ServerOptions } from "../../src/server/server.ts";
import { HurriedClock } from "./hurried-clock.ts";
import { projectStore } from "./project-store.ts";
import { createOpenApiRecorder } from "../openapi/validate.ts";

export interface TestServer extends RunningServer {
  readonly accountId: string;
  readonly token: string;
  /** `<url>/accounts/<accountId>/storage/kv/namespaces` */
  readonly namespacesUrl: string;
  /** Makes a namespace and returns its id. */
  createNamespace(title: string): Promise<string>;
  /** Also throws if an exchange violated the OpenAPI document. */
  close(): Promise<void>;
}

/** What {@link openServer} takes, all of it optional. */
export interface TestServerOptions extends Partial<ServerOptions> {
  readonly clock?: Clock;
  /** False: exchanges are not checked (for tests that put load on the server). */
  readonly validate?: boolean;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { validate = true, ...given } = options;
  const recorder = createOpenApiRecorder();
  const clock = patient(given.clock ?? systemClock);
  const own = given.database === undefined ? await projectStore(clock) : undefined;
  const server = await openServer({
    database: own ?? ":memory:",
    ...given,
    clock,
    ...(validate
      ? {
          onAnswer: (exchange) => {
            recorder.onAnswer(exchange);
            given.onAnswer?.(exchange);
          },
        }
      : {}),
  });
  const accountId = "testaccount";
  const token = options.token ?? "test-token";
  const namespacesUrl = `${server.url}/accounts/${accountId}/storage/kv/namespaces`;
  return {
    ...server,
    accountId,
    token,
    namespacesUrl,
    async createNamespace(title) {
      const response = await fetch(namespacesUrl, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ title }),
      });
      const { result } = (await response.json()) as { result: { id: string } | null };
      if (result === null) throw new Error(`could not create the namespace ${title}: ${response.status}`);
      return result.id;
    },
    async close() {
      await server.close();
      await own?.close();
      recorder.expectNoViolations();
    },
  };
}

/** What the server allows its clients is real time, where a hurried clock would take it away at once. */
const ALLOWED_MS_MIN = 30_000;

function patient(clock: Clock): Clock {
  if (!(clock instanceof HurriedClock)) return clock;
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    random: () => clock.random(),
    sleep: (duration, signal) => (duration < ALLOWED_MS_MIN ? clock : systemClock).sleep(duration, signal),
  };
}
