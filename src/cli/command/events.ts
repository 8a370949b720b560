// kvsync events: what happens in the daemon, as it happens, until Ctrl-C. Who reads slowly is waited for here, and then by the daemon,
// which drops what does not fit and says how many events that was.

import type { Command } from "commander";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { redact } from "../../core/redact.ts";
import { type ControlClient, openControlClient } from "../../daemon/control/control-client.ts";
import type { FeedEvent } from "../../daemon/control/feed-event.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { isAskedToEnd } from "../process/stop-signals.ts";
import { printableJson } from "../render/printable-json.ts";
import { isRoutine, renderEvent } from "../render/render-event.ts";

interface Options {
  readonly since?: string;
  readonly follow?: boolean;
}

/** How often it is looked whether a daemon runs again. */
const LOOK_INTERVAL_MS: DurationMs = 500;

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Only events of these mappings")
    .option(
      "--since <id>",
      "First those after the event of this number, as far as the daemon has kept them; 0: all of them",
    )
    .option("-f, --follow", "Wait for a daemon where none runs, and for it to come back when it stops")
    .action((names: string[], options: Options) => start((context) => events(context, names, options)));
}

async function events(context: Context, names: readonly string[], options: Options): Promise<ExitCode> {
  const { output, signal } = context;
  const stateDir = await context.stateDir();
  for (const name of names) await checkMappingName(context, name);
  const teller = openTeller(context, new Set(names));
  const place: Place = { since: options.since === undefined ? undefined : parseId(options.since) };
  const isFollowed = options.follow === true;
  try {
    for (;;) {
      const client = await connect(context, stateDir, isFollowed);
      try {
        await followEvents(client, place, teller.tell);
      } catch (error) {
        if (!isFollowed || !isNotRunning(error)) throw error;
      } finally {
        client.close();
      }
      if (!isFollowed) throw stopped(stateDir);
      output.note("the daemon has stopped: waiting for it to come back");
    }
  } catch (error) {
    if (!isAskedToEnd(signal)) throw error;
  } finally {
    output.event({ type: "summary", command: "events", ...teller.counts() });
  }
  return EXIT.done;
}

function parseId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new AppError("usage", `--since: "${text}" is no number of an event`, {
    hint: "each event has one, its id: kvsync events --json shows it",
  });
}

/** How far the events have been told. */
interface Place {
  /** Undefined: from now on. */
  since: number | undefined;
  /** When the daemon started whose events these are. */
  startedAt?: EpochMs;
}

/** Until the daemon goes away. */
async function followEvents(
  client: ControlClient,
  place: Place,
  tell: (event: FeedEvent) => Promise<void>,
): Promise<void> {
  const { startedAt } = await client.call({ op: "status" });
  // Another daemon numbers its events anew: all that it has kept are new here.
  if (place.startedAt !== undefined && place.startedAt !== startedAt) place.since = 0;
  place.startedAt = startedAt;
  const { last } = await client.call({ op: "events", since: place.since });
  place.since ??= last;
  for await (const event of client.events()) {
    place.since = event.id;
    await tell(event);
  }
}

async function connect({ clock, signal }: Context, stateDir: string, waits: boolean): Promise<ControlClient> {
  for (;;) {
    try {
      return await openControlClient(stateDir, { clock, signal });
    } catch (error) {
      if (!waits || !isNotRunning(error)) throw error;
    }
    await clock.sleep(LOOK_INTERVAL_MS, signal);
  }
}

function isNotRunning(error: unknown): boolean {
  return error instanceof AppError && error.code === "not-running";
}

function stopped(stateDir: string): AppError {
  return new AppError("not-running", `the daemon of the state folder ${stateDir} has stopped`, {
    hint: "kvsync events --follow waits for it to come back",
    retryable: true,
  });
}

interface Teller {
  readonly tell: (event: FeedEvent) => Promise<void>;
  counts(): { readonly events: number; readonly missed: number };
}

function openTeller({ output, options }: Context, names: ReadonlySet<string>): Teller {
  let [told, missed] = [0, 0];
  return {
    async tell(event) {
      if (event.event === "missed") missed += Number(event["count"]);
      else if (names.size > 0 && !names.has(String(event["mapping"]))) return;
      else told++;
      if (output.json) await output.write(`${printableJson(redact(JSON.stringify(event)))}\n`);
      else if (options.verbose === true || !isRoutine(event))
        await output.write(`${redact(renderEvent(event, output.stdout))}\n`);
    },
    counts: () => ({ events: told, missed }),
  };
}
