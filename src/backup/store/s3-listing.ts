// One page of a listing (ListObjectsV2), read. A page that does not say all that it must is none: what a listing lacks would be taken for gone.

import type { EpochMs } from "../../core/clock.ts";
import type { StoredObject } from "./store.ts";
import { childText, type XmlElement } from "./xml.ts";

export interface ListingPage {
  /** With the keys as they are in the bucket. */
  readonly objects: readonly StoredObject[];
  /** Undefined: it is the last page. */
  readonly next: string | undefined;
}

/** Undefined: `answer` is no such page. */
export function parseListingPage(answer: XmlElement | undefined): ListingPage | undefined {
  if (answer?.name !== "ListBucketResult") return undefined;
  const decode = childText(answer, "EncodingType") === "url" ? decodeUrl : (text: string): string => text;
  const objects: StoredObject[] = [];
  for (const content of answer.children.filter(({ name }) => name === "Contents")) {
    const [key, size, modified] = [
      childText(content, "Key"),
      childText(content, "Size"),
      childText(content, "LastModified"),
    ];
    const at = Date.parse(modified ?? "");
    if (key === undefined || size === undefined || !/^\d{1,15}$/.test(size) || Number.isNaN(at)) return undefined;
    const name = decode(key);
    if (name === undefined) return undefined;
    objects.push({ name, size: Number(size), modified: at as EpochMs });
  }
  const [truncated, next] = [childText(answer, "IsTruncated"), childText(answer, "NextContinuationToken")];
  if (truncated === "false") return { objects, next: undefined };
  return truncated === "true" && next ? { objects, next } : undefined;
}

function decodeUrl(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
