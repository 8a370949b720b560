// KvError: an AppError that also knows what the API answered, for those who decide by it (halve, bisect, fall back).

import { AppError, type AppErrorOptions, type ErrorCode } from "../core/errors.ts";

export interface KvErrorContext {
  /** The HTTP status; undefined: there was no answer. */
  readonly status?: number | undefined;
  /** The first code in the API's envelope (KV-API: 10009 key not found, 10013 namespace not found, ...). */
  readonly apiCode?: number | undefined;
  /** The API's own message, without secrets. */
  readonly apiMessage?: string | undefined;
  /** No answer in time: from us (a timeout), or from the gateway (524, 504). Parts of a write may have been done. */
  readonly timedOut?: boolean | undefined;
}

export class KvError extends AppError {
  readonly status: number | undefined;
  readonly apiCode: number | undefined;
  readonly apiMessage: string | undefined;
  readonly timedOut: boolean;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions & KvErrorContext = {}) {
    super(code, message, options);
    this.name = "KvError";
    this.status = options.status;
    this.apiCode = options.apiCode;
    this.apiMessage = options.apiMessage;
    this.timedOut = options.timedOut ?? false;
  }
}

/** Whether the API refused what was in a request, not the request's sender or the moment: then its parts may pass. */
export function isRefusal(error: unknown): error is KvError {
  return (
    error instanceof KvError &&
    error.code === "api-error" &&
    error.status !== undefined &&
    (error.status === 400 || error.status === 409 || error.status === 414 || error.status === 422)
  );
}
