// Where the daemon is asked: the control socket and the status page, with one handler behind both.

import type { PageConfig } from "../config/config.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import { answerRequest, type AnswerDeps } from "./control/answer-request.ts";
import { type ControlServer, openControlServer } from "./control/control-server.ts";
import type { ControlRequest } from "./control/protocol.ts";
import type { EventFeed } from "./event-feed.ts";
import { openStatusPage, type StatusPage } from "./page/status-page.ts";

export interface FrontsDeps extends Omit<AnswerDeps, "pageLink"> {
  readonly clock: Clock;
  readonly stateDir: string;
  readonly startedAt: EpochMs;
  readonly feed: EventFeed;
  readonly page: PageConfig | undefined;
  /** Of the status page's files. */
  readonly pageFolder: string;
  readonly onBug: (error: unknown) => void;
}

export interface Fronts {
  readonly page: StatusPage;
  close(): Promise<void>;
}

/** Throws AppError `io`, `address-in-use` and `config-invalid`: then nothing is left open. */
export async function openFronts(deps: FrontsDeps): Promise<Fronts> {
  const { clock, stateDir, startedAt, feed, status, pageFolder: assetsFolder, onEvent, onBug } = deps;
  const handle = (request: ControlRequest): Promise<unknown> =>
    answerRequest(request, { ...deps, pageLink: () => page.link() });
  const page: StatusPage = openStatusPage({ clock, assetsFolder, feed, startedAt, status, handle, onEvent, onBug });
  let control: ControlServer | undefined;
  const close = async (): Promise<void> => {
    await control?.close();
    await page.close();
  };
  try {
    await page.follow(deps.page);
    // The last: who asks for a reload must find all of it there.
    control = await openControlServer({ stateDir, handle, follow: feed.follow, onBug });
  } catch (error) {
    await close();
    throw error;
  }
  return { page, close };
}
