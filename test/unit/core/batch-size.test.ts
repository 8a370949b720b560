import { describe, expect, it } from "vitest";
import { batchLimit, FULL_BATCH, growBatch, shrinkBatch, type BatchSize } from "../../../src/core/batch-size.ts";

const grown = (size: BatchSize, times: number): BatchSize =>
  Array.from({ length: times }).reduce<BatchSize>((current) => growBatch(current), size);

describe("the size of batches", () => {
  it("is half of what failed", () => {
    expect(batchLimit(shrinkBatch(FULL_BATCH, 1), 10_000)).toBe(5000);
    expect(batchLimit(shrinkBatch(FULL_BATCH, 0.2), 10_000)).toBe(1000);
  });

  it("comes down to a single item in at most 14 halvings, and no further", () => {
    let size = FULL_BATCH;
    for (let i = 0; i < 14; i++) size = shrinkBatch(size, size.share);
    expect(batchLimit(size, 10_000)).toBe(1);
    expect(batchLimit(shrinkBatch(size, size.share), 10_000)).toBe(1);
  });

  it("learns nothing from a larger batch that was packed before the last failure", () => {
    const size = shrinkBatch(FULL_BATCH, 1);
    expect(shrinkBatch(size, 1)).toBe(size);
  });

  it("doubles up to half of what failed, then approaches it in small steps", () => {
    const failed = shrinkBatch(shrinkBatch(FULL_BATCH, 1), 0.5);
    expect(failed.share).toBe(0.25);
    expect(growBatch(failed).share).toBe(0.25 + 1 / 16);
    expect(growBatch({ share: 0.01, safe: 0.25 }).share).toBe(0.02);
    expect(growBatch({ share: 0.2, safe: 0.25 }).share).toBe(0.25);
  });

  it("is whole again after enough successes", () => {
    expect(grown(shrinkBatch(FULL_BATCH, 1), 8)).toEqual({ share: 1, safe: 0.5 });
    expect(growBatch(FULL_BATCH)).toBe(FULL_BATCH);
  });
});
