// What a competent user of the official SDK would write to push a folder: list the files, and for each 10,000 of them read
// them all at once and send them in one call.
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";

// A user would import it; here it is installed beside the tests that need it.
const { Cloudflare } = createRequire(new URL("../test/peers/package.json", import.meta.url))("cloudflare");

const [folder, title] = process.argv.slice(2);
const account_id = process.env.CLOUDFLARE_ACCOUNT_ID;
const client = new Cloudflare();
const { id } = await client.kv.namespaces.create({ account_id, title });

const entries = await readdir(folder, { recursive: true, withFileTypes: true });
const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));

for (let i = 0; i < paths.length; i += 10_000) {
  const body = await Promise.all(
    paths
      .slice(i, i + 10_000)
      .map(async (path) => ({ key: relative(folder, path), value: await readFile(path, "utf8") })),
  );
  const { unsuccessful_keys } = await client.kv.namespaces.bulkUpdate(id, { account_id, body });
  if (unsuccessful_keys?.length > 0) throw new Error(`not written: ${unsuccessful_keys.join(", ")}`);
}
