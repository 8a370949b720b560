// What follows from a batch's answer, and from its failure, as data.

import { describe, expect, it } from "vitest";
import {
  type FailedBatch,
  type FailureJudgement,
  judgeBulkAnswer,
  judgeFailure,
} from "../../../src/kv/batch-decisions.ts";

const items = ["a", "b", "c"].map((key) => ({ key }));

type AnswerRow = [title: string, successfulCount: number | undefined, unsuccessfulKeys: string[], confirmed: string];

const answers: AnswerRow[] = [
  ["all were carried out", 3, [], "abc"],
  ["no count, and no key that failed", undefined, [], "abc"],
  ["one key failed", 2, ["b"], "ac"],
  ["one key failed, and there is no count", undefined, ["b"], "ac"],
  ["one key failed, named twice", 2, ["b", "b"], "ac"],
  ["all keys failed", 0, ["a", "b", "c"], ""],
  ["fewer successes than the rest", 2, [], ""],
  ["fewer successes than the rest beside a failed key", 1, ["b"], ""],
  ["more successes than items", 4, [], "abc"],
  ["a failed key that was not sent", 3, ["z"], ""],
  ["a failed key that was not sent beside one that was", 2, ["b", "z"], ""],
];

describe("an answer confirms", () => {
  it.each(answers)("%s", (_title, successfulCount, unsuccessfulKeys, confirmed) => {
    const judged = judgeBulkAnswer(items, { successfulCount, unsuccessfulKeys });
    expect(judged.confirmed.map(({ key }) => key).join("")).toBe(confirmed);
    expect(new Set([...judged.confirmed, ...judged.again])).toEqual(new Set(items));
    expect(judged.confirmed.length + judged.again.length).toBe(items.length);
  });
});

const refusal: FailedBatch["error"] = { code: "unauthorized", timedOut: false, retryable: false };
const tooLarge: FailedBatch["error"] = { code: "request-too-large", timedOut: false, retryable: false };
const tooSlow: FailedBatch["error"] = { code: "network", timedOut: true, retryable: true };
const unsent: FailedBatch["error"] = { code: "budget-exhausted", timedOut: false, retryable: true };
const broken: FailedBatch["error"] = { code: "network", timedOut: false, retryable: true };

type FailureRow = [title: string, batch: FailedBatch, judgement: FailureJudgement];

const sent = { items: 3, once: false, slowInARow: 0 };
const failures: FailureRow[] = [
  ["a refusal of everything", { ...sent, error: refusal }, { step: "fail", shrinks: false }],
  ["a failure that retries did not help", { ...sent, error: broken }, { step: "fail", shrinks: false }],
  ["too large: smaller ones", { ...sent, error: tooLarge }, { step: "split", shrinks: true }],
  ["too large, of one item: by itself", { ...sent, items: 1, error: tooLarge }, { step: "alone", shrinks: true }],
  ["too slow: smaller ones", { ...sent, error: tooSlow }, { step: "split", shrinks: true }],
  ["too slow, of one item: after a pause", { ...sent, items: 1, error: tooSlow }, { step: "later", shrinks: true }],
  ["too slow for the 20th time", { ...sent, error: tooSlow, slowInARow: 19 }, { step: "split", shrinks: true }],
  ["too slow for the 21st time", { ...sent, error: tooSlow, slowInARow: 20 }, { step: "fail", shrinks: false }],
  ["too large after 20 slow ones", { ...sent, error: tooLarge, slowInARow: 20 }, { step: "split", shrinks: true }],
  ["sent once, and broken off", { ...sent, once: true, error: broken }, { step: "leave-open", shrinks: false }],
  ["sent once, and too slow", { ...sent, once: true, error: tooSlow }, { step: "leave-open", shrinks: true }],
  [
    "sent once, and too large: was not carried out",
    { ...sent, once: true, error: tooLarge },
    { step: "split", shrinks: true },
  ],
  [
    "sent once, and the budget was used up: not even sent",
    { ...sent, once: true, error: unsent },
    { step: "later", shrinks: false },
  ],
  ["sent once, and refused", { ...sent, once: true, error: refusal }, { step: "fail", shrinks: false }],
];

describe("a batch failed", () => {
  it.each(failures)("%s", (_title, batch, judgement) => {
    expect(judgeFailure(batch)).toEqual(judgement);
  });
});
