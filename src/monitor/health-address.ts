// Where health and metrics are served, as it is written.

import { AppError, visible } from "../core/errors.ts";

export interface HealthAddress {
  readonly host: string;
  readonly port: number;
}

/** `9477`, `127.0.0.1:9477` or `[::1]:9477`. Throws AppError `usage`. */
export function parseHealthAddress(text: string): HealthAddress {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match !== null && port < 65_536) return { host: match[1] ?? "127.0.0.1", port };
  throw new AppError("usage", `--health: "${visible(text)}" is no address`, {
    hint: "write a port, or HOST:PORT, as in 127.0.0.1:9477",
  });
}
