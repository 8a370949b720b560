// The status page over the daemon's life: where it is served follows the config, while who is logged in stays so.

import type { PageConfig } from "../../config/config.ts";
import { renderListenAddress } from "../../config/listen-address.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { DaemonStatus } from "../control/daemon-status.ts";
import type { ControlRequest, PageLink } from "../control/protocol.ts";
import type { DaemonListener } from "../daemon-event.ts";
import type { EventFeed } from "../event-feed.ts";
import { EventStreams } from "./event-streams.ts";
import { LINK_VALID_MS, openLoginLinks } from "./login-links.ts";
import { readAssets } from "./page-assets.ts";
import { openPageServer, type PageServer } from "./page-server.ts";
import { openSessions } from "./sessions.ts";

export interface StatusPageDeps {
  readonly clock: Clock;
  /** Of the page's files. */
  readonly assetsFolder: string;
  readonly feed: EventFeed;
  readonly startedAt: EpochMs;
  readonly status: () => DaemonStatus;
  readonly handle: (request: ControlRequest) => Promise<unknown>;
  readonly onEvent: DaemonListener;
  readonly onBug: (error: unknown) => void;
}

export interface StatusPage {
  /** Serves it where `config` says, or not at all. Throws AppError `address-in-use` and `config-invalid`: then all is as it was. */
  follow(config: PageConfig | undefined): Promise<void>;
  /** `http://127.0.0.1:9478`; undefined: it is not served. */
  url(): string | undefined;
  /** Throws AppError `usage` if it is not served. */
  link(): PageLink;
  close(): Promise<void>;
}

export function openStatusPage(deps: StatusPageDeps): StatusPage {
  const { clock } = deps;
  const links = openLoginLinks(clock);
  const sessions = openSessions(clock);
  const streams = new EventStreams(deps);
  let changing: Promise<void> = Promise.resolve();
  let isClosed = false;
  let served: { readonly config: PageConfig; readonly server: PageServer } | undefined;

  const url = (): string | undefined => {
    if (served === undefined) return undefined;
    const host = ANYWHERE[served.config.listen.host] ?? served.config.listen.host;
    return `http://${renderListenAddress({ host, port: served.server.port })}`;
  };
  const open = ({ listen, hosts }: PageConfig): Promise<PageServer> =>
    openPageServer({
      port: listen.port,
      names: { host: listen.host, hosts },
      assets: readAssets(deps.assetsFolder),
      links,
      sessions,
      streams,
      handle: deps.handle,
      onEvent: deps.onEvent,
      onBug: deps.onBug,
    });
  const end = async (): Promise<void> => {
    const before = served;
    served = undefined;
    await before?.server.close();
  };
  const follow = async (config: PageConfig | undefined): Promise<void> => {
    if (config === undefined) return end();
    if (isClosed || isSame(config, served?.config)) return;
    const before = served;
    // An address that is listened at already cannot be listened at twice.
    const isSamePort = before?.server.port === config.listen.port;
    if (isSamePort) await end();
    try {
      const server = await open(config);
      if (!isSamePort) await end();
      served = { config, server };
    } catch (error) {
      if (isSamePort) served = { config: before.config, server: await open(before.config) };
      throw error;
    }
  };
  /** One change after the other. */
  const change = (work: () => Promise<void>): Promise<void> => {
    const done = changing.then(work);
    changing = done.catch(() => undefined);
    return done;
  };
  return {
    url,
    follow: (config) => change(() => follow(config)),
    link() {
      const base = url();
      if (base === undefined) {
        throw new AppError("usage", "the daemon serves no status page", {
          hint: "set page: { listen: 127.0.0.1:9478 } in the config and reload, or start it with kvsync run --page",
        });
      }
      return { url: `${base}/login?token=${links.create()}`, validForMs: LINK_VALID_MS, hosts: served!.config.hosts };
    },
    close: () => {
      isClosed = true;
      streams.close();
      return change(end);
    },
  };
}

/** Where this machine asks for what is served at all of its addresses. */
const ANYWHERE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

function isSame(one: PageConfig, other: PageConfig | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
