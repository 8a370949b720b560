// Keys as `key list --long` shows them to people: size, expiration, name and metadata in columns, a line a key. A page is aligned by itself,
// and no narrower than those before it, so that a listing of any length is shown as it comes.

import stringWidth from "string-width";
import type { EpochMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { unstampMetadata } from "../../core/stamp.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import type { ListedKey } from "../../kv/kv-api.ts";
import type { Style } from "./output.ts";
import { shownTime } from "./shown-time.ts";

/** A longer name moves its own metadata to the right, and no other. */
const NAME_WIDTH_MAX = 48;

export interface LongKeys {
  render(keys: readonly ListedKey[], now: EpochMs): string;
}

/** `columns`: of the terminal; undefined: nothing is cut. */
export function openLongKeys(style: Style, columns: number | undefined): LongKeys {
  const widths = { size: 1, expires: 1, name: 1 };
  const widen = (column: keyof typeof widths, width: number): void => {
    widths[column] = Math.max(widths[column], width);
  };
  return {
    render(keys, now) {
      const rows = keys.map((key) => rowOf(key, now));
      for (const { size, expires, name } of rows) {
        widen("size", size.length);
        widen("expires", expires.length);
        const width = stringWidth(name);
        if (width <= NAME_WIDTH_MAX) widen("name", width);
      }
      return rows
        .map(({ size, expires, name, metadata }) => {
          const start = `${size.padStart(widths.size)}  ${expires.padEnd(widths.expires)}  `;
          const width = stringWidth(name);
          const room = columns === undefined ? Infinity : columns - start.length - Math.max(width, widths.name) - 2;
          const gap = " ".repeat(Math.max(0, widths.name - width) + 2);
          const end = metadata === undefined ? "" : cut(metadata, room);
          return `${style.dim(start)}${style.bold(name)}${end === "" ? "" : gap + style.dim(end)}\n`;
        })
        .join("");
    },
  };
}

interface Row {
  /** `-`: only a stamp tells it. */
  readonly size: string;
  readonly expires: string;
  readonly name: string;
  readonly metadata: string | undefined;
}

function rowOf({ name, expiration, metadata }: ListedKey, now: EpochMs): Row {
  const own = unstampMetadata(metadata);
  return {
    size: own.stamp === undefined ? "-" : renderByteCount(own.stamp.size),
    expires: expiration === undefined ? "-" : renderExpiration((expiration * 1000) as EpochMs, now),
    name: visible(name),
    metadata: own.metadata === undefined ? undefined : visible(own.metadata),
  };
}

function renderExpiration(at: EpochMs, now: EpochMs): string {
  return `${shownTime(at)} ${at <= now ? "(over)" : `(in ${renderDuration(at - now)})`}`;
}

/** A name is never cut: it is what one copies. */
function cut(text: string, room: number): string {
  if (text.length * 2 <= room || stringWidth(text) <= room) return text;
  let shorter = "";
  let left = room - 1;
  for (const char of text) {
    left -= stringWidth(char);
    if (left < 0) break;
    shorter += char;
  }
  return shorter === "" ? "" : `${shorter}…`;
}
