// What a report ends with where repositories lie in object storage, which is paid for by request.

import { counted } from "../../core/counted.ts";

/** Empty for folders, of which `sent` is undefined. */
export function requestsTo(...sent: readonly (number | undefined)[]): string {
  const counts = sent.filter((each) => each !== undefined);
  if (counts.length === 0) return "";
  const total = counts.reduce((a, b) => a + b, 0);
  return `; ${counted(total, "request")} to the store`;
}
