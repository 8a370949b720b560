// How whoever is to be told of trouble is written in a config file: a webhook or a program, and what it is told of.

import * as v from "valibot";
import { NAME, flag, group, list, oneOf, text, texts } from "./field.ts";
import { duration } from "./shared-fields.ts";

/** What may be told of, as `on` names it. */
export const NOTICE_EVENTS = ["held", "failing", "conflict", "recovered", "backup-old"] as const;

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

const headers = v.pipe(
  v.record(
    v.pipe(v.string(), v.regex(HEADER_NAME, "is no name of a header")),
    text("A header's value."),
    "must be a group of headers",
  ),
  v.description('Headers besides, as in { Authorization: "Bearer ${CHAT_TOKEN}" }.'),
);

const target = group("A webhook or a program that is told when a person should look, and when that is over.", {
  name: v.optional(
    v.pipe(
      text("What kvsync calls it. Default: the host of the webhook, or the program."),
      v.regex(NAME, "is no name: use letters, digits, dots, dashes and underscores, and begin with a letter or digit"),
    ),
  ),
  webhook: v.optional(text("A URL that gets a POST with JSON.")),
  secret: v.optional(
    text(
      "What the webhook's requests are signed with, in the header X-Kvsync-Signature. Better taken from the environment: ${KVSYNC_WEBHOOK_SECRET}. Default: they are not signed.",
    ),
  ),
  secret_file: v.optional(text("A file that holds the secret, such as a systemd credential.")),
  headers: v.optional(headers),
  insecure: v.optional(flag("Send to the webhook over plain http on another machine. Default: false.")),
  run: v.optional(
    v.pipe(
      texts(
        "A program and its arguments, which gets the JSON on stdin. There is no shell: write [sh, -c, ...] for one.",
      ),
      v.minLength(1, "must name a program"),
    ),
  ),
  on: v.optional(
    v.pipe(
      list(
        "What it is told of: held, failing, conflict, recovered, backup-old. Default: all.",
        oneOf("What it is told of.", NOTICE_EVENTS),
      ),
      v.minLength(1, "must name what it is told of: held, failing, conflict, recovered or backup-old"),
    ),
  ),
  failing_after: v.optional(
    duration("Tell of a mapping, a backup or an account that has failed for this long. Default: 10m."),
  ),
  backup_age: v.optional(
    duration(
      "Tell of a scheduled backup whose last complete run began longer ago. Default: twice the time between two of its runs.",
      1000,
    ),
  ),
  gather: v.optional(
    duration(
      "What happens within this time is one message, and the more there are, the longer each waits, up to an hour; 0s: none waits. Default: 30s.",
    ),
  ),
  timeout: v.optional(duration("Give up a try after this long. Default: 10s; of a program 1m.", 1)),
});

export const notify = list("Who is told when a person should look.", target);

export type RawNotify = v.InferOutput<typeof target>;
