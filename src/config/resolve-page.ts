// The status page as it is written, into an address and names.

import type { PageConfig } from "./config.ts";
import { isHostName, PAGE_ADDRESS_DEFAULT, parseListenAddress } from "./listen-address.ts";
import type { Report } from "./resolve-account.ts";
import type { RawPage } from "./schema.ts";

/** Undefined: none is asked for, or `report` was told what is wrong with it. */
export function resolvePage(raw: RawPage | undefined, report: Report): PageConfig | undefined {
  if (raw === undefined) return undefined;
  const listen =
    raw.listen === undefined
      ? ({ kind: "value", value: PAGE_ADDRESS_DEFAULT } as const)
      : parseListenAddress(raw.listen);
  if (listen.kind === "fault") report(["page", "listen"], listen.message);
  const hosts = raw.hosts ?? [];
  hosts.forEach((host, i) => {
    if (!isHostName(host))
      report(
        ["page", "hosts", i],
        `"${host}" is no host name: write it without https:// and port, as in kvsync.example.com`,
      );
  });
  return listen.kind === "fault" ? undefined : { listen: listen.value, hosts: hosts.map((host) => host.toLowerCase()) };
}
