// Fields that stand in several groups of a config file.

import * as v from "valibot";
import { parseDuration } from "../core/units.ts";
import { group, quantity, texts } from "./field.ts";

const DURATION = /^\d+(ms|s|m|h|d)$/;

export const duration = (description: string, minMs = 0) => quantity(description, parseDuration, DURATION, minMs);

export const hook = (when: string) =>
  group(`A program to run ${when}.`, {
    run: v.pipe(
      texts("A program and its arguments. There is no shell: write [sh, -c, ...] for one."),
      v.minLength(1, "must name a program"),
    ),
    debounce: v.optional(duration("Wait until nothing has changed for this long. Default: 1s.")),
    timeout: v.optional(duration("End the program after this long. Default: 1m.", 1)),
  });

export type RawHook = v.InferOutput<ReturnType<typeof hook>>;
