// Repositories altered by somebody who knows the format: every object has the name of its bytes again, and every checksum fits.

import { decodeSnapshot, encodeSnapshot } from "../../src/backup/format/snapshot-object.ts";
import { compressFrame } from "../../src/backup/format/frame.ts";
import { packName, sealedName } from "../../src/backup/format/object-names.ts";
import { openPackBuilder, PACK_BYTES_MAX } from "../../src/backup/format/pack-builder.ts";
import { walkPack } from "../../src/backup/format/walk-pack.ts";
import { openIndexWriter } from "../../src/backup/repository/index-writer.ts";
import { loadIndex } from "../../src/backup/repository/load-index.ts";
import { openRepository } from "../../src/backup/repository/open-repository.ts";
import { readSealed, writeSealed } from "../../src/backup/repository/read-object.ts";
import type { Repository, Snapshot } from "../../src/backup/repository/repository.ts";
import { listSnapshots } from "../../src/backup/repository/snapshots.ts";
import { openFolderStore } from "../../src/backup/store/folder-store.ts";
import { sha256Of } from "../../src/core/fingerprint.ts";
import { systemClock } from "../../src/core/system-clock.ts";

export interface Tampering {
  /** What an item becomes. */
  readonly alter: (kind: "values" | "page", bytes: Buffer) => Buffer;
  /** Whether the index says of an altered item that it is the one that it was, or what it is now. */
  readonly index: "as it was" | "as it is";
  /** What the only snapshot becomes. */
  readonly alterSnapshot?: (snapshot: Snapshot) => Snapshot;
}

/** Alters the repository in the folder `path`, which is not encrypted, and has no page that is stored relative to another. */
export async function tamper(path: string, { alter, index, alterSnapshot }: Tampering): Promise<void> {
  const store = openFolderStore({ clock: systemClock, path });
  const repository = await openRepository(store, { passphrase: async () => undefined });
  const loaded = await loadIndex(repository, { clock: systemClock });
  const writer = openIndexWriter(repository);
  for (const { pack } of loaded.packs()) {
    const builder = openPackBuilder(repository.sealer, Buffer.alloc(2 * PACK_BYTES_MAX));
    const bytes = (await store.get(packName(pack)))!;
    for await (const block of walkPack(repository, { pack, bytes, basePage: async () => undefined })) {
      const before = block.items!.map((item) => Buffer.from(item.bytes));
      const after = before.map((item) => alter(block.kind, item));
      const named = index === "as it is" ? after : before;
      builder.add({
        kind: block.kind,
        frame: await compressFrame(Buffer.concat(after)),
        sizes: after.map((item) => item.byteLength),
        ids: Buffer.concat(named.map((item) => Buffer.from(sha256Of(item).slice(0, 32), "hex"))),
        base: undefined,
      });
    }
    const built = await builder.finish();
    await store.putNew(packName(built.index.pack), built.bytes);
    writer.add(built.index);
    await store.remove(packName(pack));
  }
  for (const { id } of loaded.objects) await store.remove(sealedName("index", id));
  await writer.write();
  loaded.close();
  if (alterSnapshot !== undefined) await replaceSnapshot(repository, alterSnapshot);
  await store.close();
}

async function replaceSnapshot(repository: Repository, alter: (snapshot: Snapshot) => Snapshot): Promise<void> {
  const { id } = (await listSnapshots(repository)).snapshots[0]!;
  const snapshot = decodeSnapshot((await readSealed(repository, "snapshot", id))!) as Snapshot;
  await repository.store.remove(sealedName("snapshot", id));
  await writeSealed(repository, "snapshot", encodeSnapshot(alter(snapshot)));
}
