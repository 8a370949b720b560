import { describe, expect, it } from "vitest";
import { writeSnapshot } from "../../../../src/backup/repository/snapshots.ts";
import type { Store } from "../../../../src/backup/store/store.ts";
import type { AppError } from "../../../../src/core/errors.ts";
import { fingerprintOf, sha256Of } from "../../../../src/core/fingerprint.ts";
import {
  makeRepository,
  type OpenRun,
  openRun,
  pageBytes,
  putValues,
  type RepositoryFixture,
  SNAPSHOT,
} from "../../../support/repository-fixture.ts";

const HOUR = 3_600_000;
const [one, two, three] = ["one", "two", "three"].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

const packsOf = ({ index }: OpenRun, bytes: Uint8Array): readonly string[] =>
  index.places(fingerprintOf(bytes)).map(({ pack }) => pack);

function mark({ store, clock }: RepositoryFixture, pack: string): void {
  store.objects.set(`marks/${pack}`, { bytes: new Uint8Array(), modified: clock.now() });
}

/** What a prune does a grace later. */
function removeMarked({ store }: RepositoryFixture): void {
  for (const name of store.objects.keys()) {
    if (!name.startsWith("marks/")) continue;
    const pack = name.slice("marks/".length);
    store.objects.delete(`packs/${pack.slice(0, 2)}/${pack}`);
  }
}

async function readAgain(fixture: RepositoryFixture, values: readonly Uint8Array[]): Promise<readonly boolean[]> {
  const run = await openRun(fixture);
  const read: boolean[] = [];
  for (const value of values) {
    const bytes = await run.reader.value(sha256Of(value), value.byteLength).catch(() => undefined);
    read.push(bytes !== undefined && sha256Of(bytes) === sha256Of(value));
  }
  await run.close();
  return read;
}

const put = (run: OpenRun, value: Uint8Array) => run.writer.putValue(value, sha256Of(value));

async function finishAndWrite({ repository }: RepositoryFixture, run: OpenRun): Promise<void> {
  await run.writer.finish();
  await writeSnapshot(repository, run.writer, SNAPSHOT);
  await run.close();
}

const failureOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    ({ code, message, retryable }: AppError) => `${code}${retryable ? ", again" : ""}: ${message}`,
  );

describe("nothing relies on a pack that is marked", () => {
  it("when a run begins: what is put is stored anew, in a pack of another name", async () => {
    const fixture = await makeRepository();
    await putValues(fixture, [one, two]);
    const before = await openRun(fixture);
    const [pack] = packsOf(before, one);
    await before.close();
    mark(fixture, pack!);
    const run = await openRun(fixture);
    expect(run.writer.rely(fingerprintOf(one))).toBe(false);
    await put(run, one);
    await put(run, two);
    await finishAndWrite(fixture, run);
    removeMarked(fixture);
    expect(await readAgain(fixture, [one, two])).toEqual([true, true]);
  });

  it("that was marked while the run was under way: what the run relied on is stored anew, and no more", async () => {
    const fixture = await makeRepository();
    await putValues(fixture, [one, two]);
    const run = await openRun(fixture);
    expect(run.writer.rely(fingerprintOf(one))).toBe(true);
    mark(fixture, packsOf(run, one)[0]!);
    await finishAndWrite(fixture, run);
    removeMarked(fixture);
    expect(await readAgain(fixture, [one, two])).toEqual([true, false]);
  });

  it("that the run made itself, a day before it ends", async () => {
    const fixture = await makeRepository();
    const run = await openRun(fixture);
    await put(run, one);
    await run.writer.finish();
    await fixture.clock.advance(11 * HOUR);
    await put(run, two);
    await run.writer.finish();
    mark(fixture, packsOf(run, one)[0]!);
    await fixture.clock.advance(11 * HOUR);
    await finishAndWrite(fixture, run);
    removeMarked(fixture);
    expect(await readAgain(fixture, [one, two])).toEqual([true, true]);
  });

  it("that holds the page which one that is relied on is stored relative to", async () => {
    const fixture = await makeRepository();
    const [page, changed] = [pageBytes(300), pageBytes(300, { changes: 1 })];
    const near = { sha256: sha256Of(page), bytes: page };
    const first = await openRun(fixture);
    await first.writer.putPage(page, near.sha256, undefined);
    await first.writer.finish();
    await first.writer.putPage(changed, sha256Of(changed), near);
    await first.writer.finish();
    await first.close();
    const run = await openRun(fixture);
    expect(run.writer.rely(fingerprintOf(changed))).toBe(true);
    expect(run.index.places(fingerprintOf(changed))[0]!.base).toBe(fingerprintOf(page));
    mark(fixture, packsOf(run, page)[0]!);
    await finishAndWrite(fixture, run);
    removeMarked(fixture);
    const after = await openRun(fixture);
    expect(sha256Of(await after.reader.page(sha256Of(changed)))).toBe(sha256Of(changed));
    await after.close();
    const last = await openRun(fixture);
    mark(fixture, packsOf(last, page)[0]!);
    await last.close();
    const blind = await openRun(fixture);
    expect(blind.writer.rely(fingerprintOf(changed))).toBe(false);
    await blind.close();
  });

  it("even if the mark is gone when it is looked for again", async () => {
    const fixture = await makeRepository();
    await putValues(fixture, [one]);
    const run = await openRun(fixture);
    run.writer.rely(fingerprintOf(one));
    const [pack] = packsOf(run, one);
    mark(fixture, pack!);
    await fixture.clock.advance(HOUR);
    await put(run, two);
    fixture.store.objects.delete(`marks/${pack}`);
    await fixture.clock.advance(HOUR);
    await put(run, three);
    await run.writer.finish();
    expect(packsOf(run, one)).toHaveLength(2);
    await run.close();
  });
});

it("marks are listed again each hour while values are put, and not at each value", async () => {
  let lists = 0;
  const fixture = await makeRepository({
    wrap: (store) => ({
      ...store,
      list(prefix, options) {
        if (prefix === "marks/") lists++;
        return store.list(prefix, options);
      },
    }),
  });
  const run = await openRun(fixture);
  for (let i = 0; i < 100; i++) {
    await put(run, Buffer.from(`value ${i}`));
    await fixture.clock.advance(HOUR / 10);
  }
  await run.close();
  expect(lists).toBe(10);
});

describe("a pack that is gone, without a mark that was seen", () => {
  it("counts as marked: what lies elsewhere too is relied on there", async () => {
    const fixture = await makeRepository();
    await putValues(fixture, [one]);
    const both = [await openRun(fixture), await openRun(fixture)];
    for (const run of both) run.writer.distrust(fingerprintOf(one));
    for (const run of both) await put(run, one);
    for (const run of both) await finishAndWrite(fixture, run);
    const run = await openRun(fixture);
    expect(packsOf(run, one)).toHaveLength(3);
    run.writer.rely(fingerprintOf(one));
    for (const pack of packsOf(run, one).slice(0, 2)) fixture.store.objects.delete(`packs/${pack.slice(0, 2)}/${pack}`);
    await finishAndWrite(fixture, run);
    expect(await readAgain(fixture, [one])).toEqual([true]);
  });

  it("lets no snapshot be written over it, if the pack that is relied on instead is gone too", async () => {
    const fixture = await makeRepository();
    await putValues(fixture, [one]);
    const before = await openRun(fixture);
    before.writer.distrust(fingerprintOf(one));
    await put(before, one);
    await finishAndWrite(fixture, before);
    const run = await openRun(fixture);
    expect(packsOf(run, one)).toHaveLength(2);
    run.writer.rely(fingerprintOf(one));
    for (const pack of packsOf(run, one)) fixture.store.objects.delete(`packs/${pack.slice(0, 2)}/${pack}`);
    expect(await failureOf(run.writer.finish())).toMatch(
      /^repository-refused, again: what this run relies on was removed/,
    );
    await run.close();
  });

  it.each(["gone", "cut"])(
    "lets no snapshot be written over it, if nothing else has what lay there (%s)",
    async (how) => {
      const fixture = await makeRepository();
      await putValues(fixture, [one]);
      const run = await openRun(fixture);
      run.writer.rely(fingerprintOf(one));
      const [pack] = packsOf(run, one);
      const name = `packs/${pack!.slice(0, 2)}/${pack}`;
      const { bytes, modified } = fixture.store.objects.get(name)!;
      if (how === "gone") fixture.store.objects.delete(name);
      else fixture.store.objects.set(name, { bytes: bytes.subarray(0, 50), modified });
      expect(await failureOf(run.writer.finish())).toMatch(
        /^repository-refused, again: what this run relies on was removed from memory meanwhile: memory is damaged: value .* cannot be read/,
      );
      await run.close();
    },
  );
});

describe("a run that stood still for more than half the grace writes no snapshot", () => {
  const tooLate = /^repository-refused, again: what this run relies on in memory was last looked after 13 hours ago/;

  it("if that was before it finished", async () => {
    const fixture = await makeRepository();
    await putValues(fixture, [one]);
    const run = await openRun(fixture);
    run.writer.rely(fingerprintOf(one));
    await fixture.clock.advance(13 * HOUR);
    expect(await failureOf(run.writer.finish())).toMatch(tooLate);
    await run.close();
  });

  it("though its monotonic clock stood still too, as a machine's does that sleeps", async () => {
    const fixture = await makeRepository();
    const run = await openRun(fixture);
    await put(run, one);
    fixture.clock.jump(13 * HOUR);
    expect(await failureOf(run.writer.finish())).toMatch(tooLate);
    await run.close();
  });

  it("if that was between the end of the run and its snapshot", async () => {
    const fixture = await makeRepository();
    const run = await openRun(fixture);
    await put(run, one);
    await run.writer.finish();
    fixture.clock.jump(13 * HOUR);
    expect(await failureOf(writeSnapshot(fixture.repository, run.writer, SNAPSHOT))).toMatch(tooLate);
    await run.close();
    expect([...fixture.store.objects.keys()].filter((name) => name.startsWith("snapshots/"))).toEqual([]);
  });

  it("and takes back the one that was on its way meanwhile", async () => {
    const puts: string[] = [];
    const fixture = await makeRepository({
      wrap: (store): Store => ({
        ...store,
        async putNew(name, bytes, options) {
          if (name.startsWith("snapshots/")) {
            puts.push(name);
            fixture.clock.jump(13 * HOUR);
          }
          return store.putNew(name, bytes, options);
        },
      }),
    });
    const run = await openRun(fixture);
    await put(run, one);
    await run.writer.finish();
    expect(await failureOf(writeSnapshot(fixture.repository, run.writer, SNAPSHOT))).toMatch(tooLate);
    await run.close();
    expect(puts).toHaveLength(1);
    expect([...fixture.store.objects.keys()].filter((name) => name.startsWith("snapshots/"))).toEqual([]);
  });

  it.each(["is stopped", "cannot take it back"])("and says so if it %s", async (how) => {
    const stop = new AbortController();
    const fixture = await makeRepository({
      wrap: (store): Store => ({
        ...store,
        async putNew(name, bytes, options) {
          if (name.startsWith("snapshots/")) fixture.clock.jump(13 * HOUR);
          return store.putNew(name, bytes, options);
        },
        async head(name, options) {
          const found = await store.head(name, options);
          if (how === "is stopped" && name.startsWith("snapshots/") && found !== undefined) stop.abort();
          return found;
        },
        async remove(name, options) {
          options?.signal?.throwIfAborted();
          if (how === "cannot take it back") throw new Error("no");
          return store.remove(name, options);
        },
      }),
    });
    const run = await openRun(fixture);
    await put(run, one);
    await run.writer.finish();
    const writing = writeSnapshot(fixture.repository, run.writer, SNAPSHOT, { signal: stop.signal });
    expect(await failureOf(writing)).toMatch(tooLate);
    await run.close();
    const left = [...fixture.store.objects.keys()].filter((name) => name.startsWith("snapshots/"));
    expect(left).toHaveLength(how === "is stopped" ? 0 : 1);
  });

  it("but one that was at work for days does, since it looked each hour", async () => {
    const fixture = await makeRepository();
    await putValues(fixture, [one]);
    const run = await openRun(fixture);
    run.writer.rely(fingerprintOf(one));
    for (let hour = 0; hour < 100; hour++) {
      await fixture.clock.advance(HOUR);
      await put(run, Buffer.from(`value ${hour}`));
    }
    await finishAndWrite(fixture, run);
    expect(await readAgain(fixture, [one, Buffer.from("value 99")])).toEqual([true, true]);
  });
});

it("a snapshot is written only after the run has finished what it put", async () => {
  const fixture = await makeRepository();
  const run = await openRun(fixture);
  await run.writer.finish();
  await put(run, one);
  await expect(writeSnapshot(fixture.repository, run.writer, SNAPSHOT)).rejects.toThrow("after all it needs is stored");
  await run.close();
});

it.each(["keeps what is there", "writes it once more"])(
  "a run that is stopped leaves alone the snapshot that another one has written just so, in a store that %s",
  async (how) => {
    const stop = new AbortController();
    let isSecond = false;
    const fixture = await makeRepository({
      wrap: (store): Store => ({
        ...store,
        async putNew(name, bytes, options) {
          if (how === "writes it once more") store.objects.delete(name);
          const outcome = await store.putNew(name, bytes, options);
          if (isSecond && name.startsWith("snapshots/")) stop.abort();
          return outcome;
        },
      }),
    });
    const [first, second] = [await openRun(fixture), await openRun(fixture)];
    await put(first, one);
    await put(second, one);
    await finishAndWrite(fixture, first);
    await second.writer.finish();
    isSecond = true;
    const writing = writeSnapshot(fixture.repository, second.writer, SNAPSHOT, { signal: stop.signal });
    await expect(writing).rejects.toThrow(/abort/);
    await second.close();
    expect([...fixture.store.objects.keys()].filter((name) => name.startsWith("snapshots/"))).toHaveLength(1);
  },
);
