import { expect, test } from "vitest";
import type { NamespaceProof } from "../../../src/migration/proof/proof.ts";
import {
  buildReport,
  encodeReport,
  type MigrationReport,
  parseReport,
} from "../../../src/migration/report/migration-report.ts";
import { requestsSince } from "../../../src/kv/request-counts.ts";
import { renderReport } from "../../../src/migration/report/render-report.ts";
import { type Verified, verifyReport } from "../../../src/migration/report/verify-report.ts";
import { writeOf } from "../../support/values.ts";
import { EXPIRES_AT, manyWrites, nameOf, openTwoAccounts, SETTLE_WINDOW_MS, type TwoAccounts } from "./two-accounts.ts";

const EXIT_CODES = { equal: 0, "changed-since": 3, incomplete: 3, different: 4 };

const excludedBecause = (key: string) => (key.startsWith("tmp/") ? "matches --exclude tmp/" : undefined);

function reportOf({ source, destination, clock }: TwoAccounts, proof: NamespaceProof): MigrationReport {
  const [from, to] = [source, destination].map(({ server }, index) => ({
    account: ["old", "new"][index]!,
    accountId: server.accountId,
    api: server.url,
  }));
  return buildReport(
    {
      by: "kvsync 0.1.0",
      name: "old-to-new",
      command: "migrate",
      source: from!,
      destination: to!,
      startedAt: new Date(1_800_000_000_000).toISOString(),
      finishedAt: new Date(clock.now()).toISOString(),
      runs: 1,
      rename: [],
      filter: { prefix: "", include: [], exclude: ["tmp/"] },
      follow: false,
      namespaces: [
        {
          source: { id: source.namespaceId, title: "app" },
          destination: { id: destination.namespaceId, title: "app" },
          isNew: true,
          keysBefore: 0,
          copied: { written: 402, removed: 0, unchanged: 0, failed: 0 },
          failure: null,
          proof,
        },
      ],
      requests: {
        source: requestsSince(undefined, source.api.counts()),
        destination: requestsSince(undefined, destination.api.counts()),
      },
      cost: 0.0021,
    },
    (verdict) => EXIT_CODES[verdict],
  );
}

/** From the text of the report, as `kvsync migrate verify` does it. */
function verify({ clock, source, destination }: TwoAccounts, text: string): Promise<Verified> {
  const deps = {
    clock,
    signal: new AbortController().signal,
    settleWindowMs: SETTLE_WINDOW_MS,
    by: "kvsync 0.1.0",
    requests: () => ({ source: source.api.counts(), destination: destination.api.counts() }),
    openSides: async () => ({
      source: source.replica,
      destination: destination.replica,
      excludedBecause,
      close: async () => {},
    }),
  };
  return verifyReport(deps, parseReport(text, "report.json"));
}

test("the report names what differs in words, and from the report alone the same is found again", async () => {
  await using accounts = await openTwoAccounts();
  const { clock, source, destination } = accounts;
  await source.putAll([
    ...manyWrites(clock, 400),
    writeOf(clock, "session`1`", "s", { expiration: 1_800_000_600 }),
    writeOf(clock, "tmp/1", "not to be moved"),
  ]);
  await accounts.copy();
  await clock.sleep(700_000);
  await destination.put(nameOf(1), "value one");
  await destination.put(nameOf(3), "value 3", { metadata: '{"n":4,"|":"`"}' });
  await destination.put(nameOf(5), "value 5", { expiration: EXPIRES_AT + 1 });
  await destination.remove(nameOf(7));
  await destination.put("user:*new*\n", "new");
  await source.put(nameOf(11), "written since");
  await clock.sleep(SETTLE_WINDOW_MS);
  const proof = await accounts.prove({ verify: { kind: "values" }, excludedBecause });
  const report = reportOf(accounts, proof);
  expect(report).toMatchObject({
    verdict: "different",
    exitCode: 4,
    totals: { counts: { equal: 395, "changed-since": 1 } },
  });
  const text = renderReport(report);
  for (const line of [
    "**The destination does not hold exactly what the source holds: 1 key missing, 1 key with a different value, 1 key with different metadata, 1 key with a different expiration, 1 key only at the destination. 395 of 400 keys are equal.**",
    "- `user:000007`: The source holds it (7 B), the destination does not. It had been copied, and was removed at the destination afterwards.",
    "- `user:000001`: The value differs: 7 bytes at the source, 9 bytes at the destination. The destination was changed after the key was copied; the source was not.",
    '- `user:000003`: The metadata differs: `{"n":3}` at the source, ``{"n":4,"|":"`"}`` at the destination. The destination was changed after the key was copied; the source was not.',
    "- `user:000005`: The expiration differs: 2030-03-17 17:46:40 UTC at the source, 1 second later at the destination.",
    "- `user:*new*\\x0a`: The destination holds it (3 B), the source does not.",
    "- `user:000011`: The value differs: 13 bytes at the source, 8 bytes at the destination. The source was written after the key was copied.",
    "- `` session`1` ``: Its time to live ended at 2027-01-15 08:10:00 UTC. Expired at both sides.",
    "- `tmp/1`: Left out. Matches --exclude tmp/.",
  ])
    expect(text.split("\n")).toContain(line);

  const { facts, changes } = await verify(accounts, encodeReport(report));
  expect(changes).toEqual([{ title: "app", isSame: { source: true, destination: true }, still: 6, fresh: 0, gone: 0 }]);
  const again = buildReport(facts, (verdict) => EXIT_CODES[verdict]);
  expect(again.namespaces[0]!.proof!.findings.map(({ key, class: as }) => [key, as])).toEqual([
    [nameOf(7), "missing"],
    [nameOf(1), "value"],
    // Nothing is known of the copy any more.
    [nameOf(11), "value"],
    [nameOf(3), "metadata"],
    [nameOf(5), "expiration"],
    ["user:*new*\n", "extra"],
    ["tmp/1", "excluded"],
  ]);
  expect(renderReport(again)).toContain("It copied nothing.");

  await destination.put(nameOf(7), "value 7");
  await destination.put(nameOf(13), "changed");
  expect((await verify(accounts, encodeReport(report))).changes).toEqual([
    { title: "app", isSame: { source: true, destination: false }, still: 5, fresh: 1, gone: 1 },
  ]);
});

test("the report of a migration that came out well says so first, and says what it does not show", async () => {
  await using accounts = await openTwoAccounts();
  await accounts.source.putAll(manyWrites(accounts.clock, 100));
  await accounts.copy();
  const text = renderReport(reportOf(accounts, await accounts.prove()));
  expect(text.split("\n").slice(0, 3)).toEqual([
    "# Migration report: old-to-new",
    "",
    "**Everything that was to be moved is at the destination: 100 keys of 100 are equal at both sides.**",
  ]);
  expect(text).not.toMatch(/^## (Missing|Different|Only|Not|Written|Expired|Left)/m);
  expect(text).toContain("if it is one of the 100 whose value was read at the source only when it was copied");
});

test.each([
  ["{", "it is no JSON"],
  ["[]", 'it has no "kvsync": "migration-report"'],
  ['{"kvsync":"archive","version":1}', 'it has no "kvsync": "migration-report"'],
  ['{"kvsync":"migration-report","version":2}', "it is of a version that this kvsync does not know"],
  ['{"kvsync":"migration-report","version":1,"name":"x"}', "parts of it are missing"],
])("what is no report is refused: %s", (text, why) => {
  expect(() => parseReport(text, "x.json")).toThrow(`x.json is no report of a migration: ${why}`);
});

test("a report says at which side a checksum that was kept with another value would not be seen", async () => {
  await using accounts = await openTwoAccounts();
  const proof = await accounts.prove();
  const textWith = (stamps: number): string =>
    renderReport(reportOf(accounts, { ...proof, equalBy: { ...proof.equalBy, stamps } }));
  expect(textWith(0)).toContain("A value that a program has replaced at the destination while it kept the checksum");
  // The source was filled by kvsync, too.
  expect(textWith(3)).toContain("A value that a program has replaced at either side while it kept the checksum");
});

test("a report that is equal says how many keys expired, and of which run its requests are", async () => {
  await using accounts = await openTwoAccounts();
  const proof = await accounts.prove();
  const report = reportOf(accounts, { ...proof, counts: { ...proof.counts, expired: 2 } });
  expect(renderReport(report)).toContain("0 keys of 0 are equal at both sides; 2 keys expired meanwhile.");
  expect(renderReport({ ...report, runs: 2 })).toContain("| Requests to the source, in the last run |");
});
