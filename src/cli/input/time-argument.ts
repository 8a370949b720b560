// Options that take a time: `--since`, `--until`, `--at`.

import type { EpochMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { parseTimeOrAge, type TimeSpan } from "../../core/time-text.ts";

/** How they are written, for the help. */
export const TIME_FORMS = "a time (2026-11-29, or 2026-11-29 18:30, local unless it ends in Z), or an age (2h, 3d)";

interface TimeRange {
  readonly since: EpochMs | undefined;
  readonly until: EpochMs | undefined;
}

/** Throws "usage", also where the range is empty. */
export function parseTimeRange(
  { since, until }: { readonly since?: string | undefined; readonly until?: string | undefined },
  now: EpochMs,
): TimeRange {
  const from = since === undefined ? undefined : parseTimeArgument("--since", since, now).from;
  const to = until === undefined ? undefined : parseTimeArgument("--until", until, now).until;
  if (from !== undefined && to !== undefined && from > to) {
    throw new AppError("usage", "--since is later than --until, so there is nothing between them", {
      hint: "write the earlier time with --since",
    });
  }
  return { since: from, until: to };
}

/** The end of what `text` names: of the day, the minute or the second. Throws "usage". */
export function parseMoment(option: string, text: string, now: EpochMs): EpochMs {
  return parseTimeArgument(option, text, now).until;
}

/** What stands as of `text`: as {@link parseMoment}, but of a second its beginning, so that the time that a list shows of a change is the
 * moment before it. Throws "usage". */
export function parseMomentBefore(option: string, text: string, now: EpochMs): EpochMs {
  const { from, until } = parseTimeArgument(option, text, now);
  return until - from < 1000 ? from : until;
}

function parseTimeArgument(option: string, text: string, now: EpochMs): TimeSpan {
  const time = parseTimeOrAge(text.trim(), now);
  if (time !== undefined) return time;
  throw new AppError("usage", `${option}: "${visible(text)}" is no time`, {
    hint: 'write a time such as 2026-11-29, "2026-11-29 18:30" or 2026-11-29T18:30:05Z, or an age such as 2h or 3d',
  });
}
