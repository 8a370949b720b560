// Bundles src/main.ts into dist/: Node does not strip types under node_modules, and one file a command starts
// in a third of the time that type stripping and 100 small modules take. Dynamic imports become chunks of
// their own, so that a command loads only what it needs.
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { defineConfig } from "rolldown";

const bin = "node_modules/.bin";

/** Makes `npx kvsync` work from the checkout as it does where the package is installed: npm links the commands of a
 * project's dependencies, but not its own. */
const command = {
  name: "command",
  writeBundle() {
    chmodSync("dist/main.js", 0o755);
    if (!existsSync("node_modules")) return;
    mkdirSync(bin, { recursive: true });
    rmSync(`${bin}/kvsync`, { force: true });
    symlinkSync("../../dist/main.js", `${bin}/kvsync`);
  },
};

export default defineConfig({
  // The second is a thread's, and found beside the chunk that starts it.
  input: { main: "src/main.ts", "file-worker": "src/replica/tree/file-worker.ts" },
  platform: "node",
  plugins: [command],
  output: { dir: "dist", format: "esm", cleanDir: true, minify: false, sourcemap: true },
});
