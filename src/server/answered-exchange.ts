// An exchange as an observer is shown it: a request as it came in, and the answer it was given.

import type { IncomingHttpHeaders } from "node:http";

export interface AnsweredExchange {
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  /** As it was sent, without its question mark. */
  readonly query: string;
  readonly requestHeaders: IncomingHttpHeaders;
  /** Undefined: the server did not read it. */
  readonly requestBody?: Buffer;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: the answer has none (HEAD). */
  readonly body?: Buffer;
}
