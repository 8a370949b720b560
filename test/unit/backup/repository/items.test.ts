import { describe, expect, it } from "vitest";
import { indexPack } from "../../../../src/backup/format/walk-pack.ts";
import { openRepository } from "../../../../src/backup/repository/open-repository.ts";
import type { ItemId } from "../../../../src/backup/repository/repository.ts";
import { fingerprintOf, sha256Of } from "../../../../src/core/fingerprint.ts";
import { giveBack, OWNED_BYTES_MIN } from "../../../../src/core/give-back.ts";
import { makeRepository, openRun, pageBytes, putValues, readValues } from "../../../support/repository-fixture.ts";

const texts = (count: number) => Array.from({ length: count }, (_, i) => Buffer.from(`value ${i}`));

describe.each([undefined, "a passphrase"])("items of a repository with the passphrase %s", (passphrase) => {
  it("are read as they were put, after the repository was opened anew", async () => {
    const { clock, store, repository: made } = await makeRepository({ passphrase });
    const values = [...texts(3000), Buffer.alloc(0), Buffer.alloc(100_000, "large ")];
    await putValues({ clock, store, repository: made }, values);
    const repository = await openRepository(store, { passphrase: async () => passphrase });
    expect(await readValues({ clock, repository }, values)).toEqual(values.map(sha256Of));
  });

  it("can be read again by somebody else once a reader has given their memory back, whatever their size", async () => {
    const fixture = await makeRepository({ passphrase });
    const sizes = [65_537, OWNED_BYTES_MIN - 1, OWNED_BYTES_MIN, OWNED_BYTES_MIN + 1];
    const values = sizes.map((size) => Buffer.alloc(size, `${size} `));
    await putValues(fixture, values);
    const run = await openRun(fixture);
    for (const value of [...values, ...values]) {
      const read = await run.reader.value(sha256Of(value), value.byteLength);
      expect(sha256Of(read)).toBe(sha256Of(value));
      giveBack(read);
    }
    await run.close();
  });

  it("are pages too, of which one that changed a little is stored relative to the first of them", async () => {
    const fixture = await makeRepository({ passphrase });
    const pages = [0, 3, 6, 9].map((changes) => pageBytes(1000, { changes }));
    const other = pageBytes(1000, { salt: "other" });
    let near: { sha256: string; bytes: Uint8Array } | undefined;
    for (const bytes of [...pages, other]) {
      const run = await openRun(fixture);
      const sha256 = sha256Of(bytes);
      await run.writer.putPage(bytes, sha256, near);
      await run.writer.finish();
      near = { sha256, bytes };
      await run.close();
    }
    const run = await openRun(fixture);
    const bases = (page: Uint8Array) => run.index.places(fingerprintOf(page)).map(({ base }) => base);
    const first: ItemId = fingerprintOf(pages[0]!);
    expect([...pages, other].map(bases)).toEqual([[undefined], [first], [first], [first], [undefined]]);
    for (const bytes of [...pages, other]) expect(Buffer.from(await run.reader.page(sha256Of(bytes)))).toEqual(bytes);
    const { stored } = run.index.places(fingerprintOf(pages[3]!))[0]!;
    expect(stored).toBeLessThan(1000);
    await run.close();
  });

  it("are told by the pack itself, so that an index can be made anew", async () => {
    const fixture = await makeRepository({ passphrase });
    const run = await openRun(fixture);
    const [page, changed] = [pageBytes(500), pageBytes(500, { changes: 1 })];
    for (const value of [...texts(5000), Buffer.alloc(70_000)]) await run.writer.putValue(value, sha256Of(value));
    await run.writer.putPage(page, sha256Of(page), undefined);
    await run.writer.putPage(changed, sha256Of(changed), { sha256: sha256Of(page), bytes: page });
    await run.writer.finish();
    const packs = [...run.index.packs()];
    expect(packs).toHaveLength(2);
    for (const { pack } of packs) {
      const { bytes } = fixture.store.objects.get(`packs/${pack.slice(0, 2)}/${pack}`)!;
      const basePage = async (sha256: string) => (sha256 === sha256Of(page) ? page : undefined);
      const { index, isWhole } = await indexPack(fixture.repository, { pack, bytes, basePage });
      const told = index.blocks.flatMap(({ ids, at }) =>
        Array.from({ length: ids.byteLength / 16 }, (_, i) => [ids.toString("base64url", i * 16, i * 16 + 16), at]),
      );
      expect({ told, isWhole }).toEqual({
        told: [...run.index.itemsOf(pack)].map(({ id, place }) => [id, place.at]),
        isWhole: true,
      });
    }
    await run.close();
  });
});
