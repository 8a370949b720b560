// The outcome of a request as what is sent: a result, or what is wrong with the request or with what it asks for.

import { AppError } from "../../core/errors.ts";
import { type ControlAnswer, controlError } from "./protocol.ts";

/** `onBug` is told about what is no AppError. */
export async function settleAnswer(
  work: () => Promise<unknown>,
  onBug: (error: unknown) => void,
): Promise<ControlAnswer> {
  try {
    return { ok: true, result: await work() };
  } catch (error) {
    if (error instanceof AppError) return failure(error);
    onBug(error);
    return failure(new AppError("io", "the daemon failed to answer", { hint: "its log says more" }));
  }
}

export function failure(error: AppError): ControlAnswer {
  return { ok: false, error: controlError(error) };
}
