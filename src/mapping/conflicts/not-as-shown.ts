// What both kinds of conflict are refused with when a side is not any more what the person who decides was shown.

import { AppError, visible } from "../../core/errors.ts";

export function notAsShown(key: string): AppError {
  return new AppError(
    "plan-outdated",
    `the conflict of ${visible(key)} is not what was shown: a side has changed since`,
    {
      hint: "nothing was changed; look at it again with kvsync conflicts show",
    },
  );
}
