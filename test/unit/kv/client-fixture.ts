// A client for tests: on a clock that hurries, with a budget that is no limit unless the test is about it.

import type { AppError } from "../../../src/core/errors.ts";
import { type KvClient, type KvClientOptions, openKvClient } from "../../../src/kv/kv-client.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";

export const TOKEN = "s3cr3t-t0ken-of-the-test";

export function openTestClient(baseUrl: string, options: Partial<KvClientOptions> = {}): KvClient {
  return openKvClient({
    clock: new HurriedClock(),
    baseUrl,
    accountId: "testaccount",
    credentials: { kind: "token", token: TOKEN },
    budget: { requests: Number.POSITIVE_INFINITY },
    ...options,
  });
}

/** The AppError that `promise` rejects with. */
export async function failure(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    return error as AppError;
  }
  throw new Error("it did not fail");
}
