// Where the control socket is, and how to call it by a name that is short enough: the address of a unix socket holds 107
// bytes (unix(7)), and a state folder may lie deeper than that.

import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { AppError } from "../../core/errors.ts";

const SOCKET_NAME = "control.sock";
/** 107 and a NUL on Linux; 103 and a NUL on macOS. */
const ADDRESS_BYTES_MAX = 103;

export interface SocketPath {
  /** What to listen at or to connect to; good until `close`. */
  readonly address: string;
  /** Where it really is. */
  readonly path: string;
  close(): void;
}

/** Throws AppError `io` if the state folder's path is too long for a socket, and the system knows no way around that. */
export function openSocketPath(stateDir: string): SocketPath {
  const path = join(stateDir, SOCKET_NAME);
  if (Buffer.byteLength(path) <= ADDRESS_BYTES_MAX) return { address: path, path, close: () => {} };
  if (process.platform !== "linux") {
    throw new AppError("io", `the path of the state folder ${stateDir} is too long for a socket in it`, {
      hint: "set state_dir in the config to a shorter one",
    });
  }
  const folder = openSync(stateDir, "r");
  return { address: `/proc/self/fd/${folder}/${SOCKET_NAME}`, path, close: () => closeSync(folder) };
}
