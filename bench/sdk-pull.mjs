// What a competent user of the official SDK would write to pull a namespace: list all keys, get 100 at a time, write files.
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// A user would import it; here it is installed beside the tests that need it.
const { Cloudflare } = createRequire(new URL("../test/peers/package.json", import.meta.url))("cloudflare");

const [title, folder] = process.argv.slice(2);
const account_id = process.env.CLOUDFLARE_ACCOUNT_ID;
const client = new Cloudflare();

let id;
for await (const namespace of client.kv.namespaces.list({ account_id }))
  if (namespace.title === title) id = namespace.id;

const keys = [];
for await (const { name } of client.kv.namespaces.keys.list(id, { account_id })) keys.push(name);

for (let i = 0; i < keys.length; i += 100) {
  const { values } = await client.kv.namespaces.bulkGet(id, { account_id, keys: keys.slice(i, i + 100) });
  await Promise.all(
    Object.entries(values).map(async ([key, value]) => {
      const path = join(folder, key);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, value);
    }),
  );
}
