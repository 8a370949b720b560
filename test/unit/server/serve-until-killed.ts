// A process of its own with a server in it, for tests that kill it. Its argument is the database; it prints its URL.

import { systemClock } from "../../../src/core/system-clock.ts";
import { openServer } from "../../../src/server/server.ts";

const server = await openServer({ clock: systemClock, database: process.argv[2] ?? ":memory:" });
console.log(server.url);
