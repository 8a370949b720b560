// What the page knows, and when it is drawn: the newest status, who may change what, where one is, what was said last. Screens read it, and
// ask for a new drawing when something of theirs has changed.

import { AskError } from "./ask.ts";
import type { DaemonStatus } from "./contract.ts";
import type { Content } from "./dom.ts";
import type { Connection, ToldEvent } from "./live.ts";
import type { Route } from "./route.ts";

/** What one asked for and what became of it, told at the foot of the page. */
export interface Notice {
  readonly tone: "good" | "bad";
  readonly text: string;
  readonly hint: string | null;
}

export interface App {
  readonly status: DaemonStatus | undefined;
  readonly connection: Connection;
  readonly mayChange: boolean;
  readonly route: Route;
  /** What is under way, by a name for each: `sync app`. */
  readonly busy: ReadonlySet<string>;
  redraw(): void;
  tell(notice: Notice): void;
  /** Goes to an address without a new step in the browser's history. */
  replace(href: string): void;
  /** Does `work`, once at a time for each `name`; tells what failed, or what it returns. */
  run(name: string, work: () => Promise<string>): Promise<void>;
}

/** A part of the page that takes the place of the one before it. */
export interface Screen {
  readonly title: string;
  draw(): Content;
  /** One has gone to another place of the same screen. False: another screen is to be opened for it. */
  go?(route: Route): boolean;
  onStatus?(): void;
  onEvent?(event: ToldEvent): void;
}

export function noticeOf(error: unknown): Notice {
  if (error instanceof AskError) return { tone: "bad", text: error.message, hint: error.hint };
  return { tone: "bad", text: `the page failed: ${String(error)}`, hint: "load it anew" };
}
