import { describe, expect, it } from "vitest";
import { runSideBySide } from "../../../src/migration/copy/side-by-side.ts";

const shape = { lists: 1, transfers: 1 };

describe("runSideBySide", () => {
  it("lets nobody pass the gate before all have come to it", async () => {
    const log: string[] = [];
    const job = (name: string) => async (arrive: () => Promise<void>) => {
      log.push(`${name} lists`);
      await arrive();
      log.push(`${name} writes`);
      return name;
    };
    const gate = async (): Promise<void> => void log.push("gate");
    const ended = await runSideBySide([job("a"), job("b")], { ...shape, gate });
    expect(log).toEqual(["a lists", "b lists", "gate", "a writes", "b writes"]);
    expect(ended.map((one) => one.status)).toEqual(["fulfilled", "fulfilled"]);
  });

  it("keeps the gate shut where one fails before it", async () => {
    let writes = 0;
    const good = async (arrive: () => Promise<void>): Promise<void> => {
      await arrive();
      writes++;
    };
    const bad = async (): Promise<void> => {
      throw new Error("no listing");
    };
    const ended = await runSideBySide([good, bad], { ...shape, gate: async () => {} });
    expect(ended.map((one) => one.status)).toEqual(["rejected", "rejected"]);
    expect(writes).toBe(0);
  });

  it("refuses a job that arrives again as it was refused before", async () => {
    let writes = 0;
    const stubborn = async (arrive: () => Promise<void>): Promise<void> => {
      await arrive().catch(() => undefined);
      await arrive();
      writes++;
    };
    const gate = async (): Promise<void> => {
      throw new Error("it is not to be");
    };
    const ended = await runSideBySide([stubborn], { ...shape, gate });
    expect(ended[0]?.status).toBe("rejected");
    expect(writes).toBe(0);
  });
});
