// How editors and tools save a file: the same system calls in the same order, so that no test needs them installed. Those of vim
// 9.0, GNU Emacs 28.2, GNU sed 4.8, GIO 2.74 and perl 5.36 were read from strace on Debian 12; those of VS Code and JetBrains from
// their source (diskFileSystemProvider.ts; SafeFileOutputStream.java).

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** One save of a file that is there. */
interface Save {
  readonly folder: string;
  readonly name: string;
  readonly text: string;
  /** What the program does while the file is gone, empty or half-written, or a temporary name is there. */
  readonly between: () => Promise<unknown>;
}

type SaveScript = (save: Save) => Promise<void>;

interface Vim {
  /** The file is copied to its backup and written in place; else it is renamed, and a new one is written. */
  readonly copies: boolean;
  /** Looks whether a file could be made in the folder. It does so with `backupcopy=auto`, which is the default. */
  readonly probes?: boolean;
  readonly keepsBackup?: boolean;
  readonly swaps?: boolean;
}

const vim =
  ({ copies, probes = false, keepsBackup = false, swaps = true }: Vim): SaveScript =>
  async ({ folder, name, text, between }) => {
    const path = join(folder, name);
    const swap = join(folder, `.${name}.swp`);
    if (swaps) {
      // Whether names are taken by their first eight characters, and then the swap file itself.
      const first = openSync(swap, "wx+", 0o600);
      const second = join(folder, `.${name}.swx`);
      closeSync(openSync(second, "wx+", 0o600));
      unlinkSync(second);
      closeSync(first);
      unlinkSync(swap);
      writeFileSync(swap, "b0VIM 9.0", { flag: "wx+", mode: 0o600 });
      await between();
    }
    if (probes) {
      const probe = join(folder, "4913");
      closeSync(openSync(probe, "wx", 0o644));
      unlinkSync(probe);
    }
    if (copies) writeFileSync(`${path}~`, readFileSync(path), { flag: "wx" });
    else renameSync(path, `${path}~`);
    if (!copies) await between();
    const file = openSync(path, copies ? "r+" : "w", 0o644);
    ftruncateSync(file, 0);
    await between();
    writeSync(file, text);
    fsyncSync(file);
    closeSync(file);
    if (!keepsBackup) unlinkSync(`${path}~`);
    if (swaps) unlinkSync(swap);
  };

/** `backup` undefined: the file was saved before in this session, and has its backup. */
const emacs =
  (backup: "rename" | "copy" | undefined): SaveScript =>
  async ({ folder, name, text, between }) => {
    const path = join(folder, name);
    const lock = join(folder, `.#${name}`);
    const autosave = join(folder, `#${name}#`);
    symlinkSync("user@host.4711:1795868882", lock);
    writeFileSync(autosave, text);
    await between();
    if (backup === "copy") writeFileSync(`${path}~`, readFileSync(path), { mode: 0o600 });
    if (backup === "rename") {
      renameSync(path, `${path}~`);
      await between();
    }
    const file = openSync(path, "w", 0o666);
    await between();
    writeSync(file, text.slice(0, -1));
    writeSync(file, text.slice(-1));
    fsyncSync(file);
    closeSync(file);
    unlinkSync(lock);
    unlinkSync(autosave);
  };

/** Writes another name in the folder, and renames it over the file. */
const renamed =
  (temporary: (name: string) => string, hasBackup = false): SaveScript =>
  async ({ folder, name, text, between }) => {
    const path = join(folder, name);
    const written = join(folder, temporary(name));
    const file = openSync(written, "wx", 0o600);
    await between();
    writeSync(file, text);
    fdatasyncSync(file);
    closeSync(file);
    if (hasBackup) {
      rmSync(`${path}~`, { force: true });
      linkSync(path, `${path}~`);
    }
    renameSync(written, path);
  };

const random = (): string => randomBytes(3).toString("hex");

export const SAVE_SCRIPTS: Readonly<Record<string, SaveScript>> = {
  "vim, backupcopy=yes": vim({ copies: true }),
  "vim, backupcopy=no": vim({ copies: false }),
  "vim, backupcopy=auto": vim({ copies: false, probes: true }),
  "vim, with a backup that stays": vim({ copies: false, keepsBackup: true }),
  "vim, without a swap file": vim({ copies: false, swaps: false }),
  "Emacs, the first save": emacs("rename"),
  "Emacs, backup-by-copying": emacs("copy"),
  "Emacs, later saves": emacs(undefined),
  "Emacs, file-precious-flag": renamed(() => `tmp${random()}`),
  "VS Code": async ({ folder, name, text, between }) => {
    const file = openSync(join(folder, name), "w");
    await between();
    writeSync(file, text);
    fdatasyncSync(file);
    closeSync(file);
  },
  "VS Code, atomic": renamed((name) => `${name}.vsctmp`),
  JetBrains: async ({ folder, name, text, between }) => {
    const path = join(folder, name);
    writeFileSync(`${path}___jb_tmp___`, text);
    await between();
    renameSync(path, `${path}___jb_old___`);
    await between();
    renameSync(`${path}___jb_tmp___`, path);
    unlinkSync(`${path}___jb_old___`);
  },
  "sed -i": renamed(() => `sed${random()}`),
  "perl -pi": renamed(() => `XX${random()}`),
  GIO: renamed(() => `.goutputstream-${random().toUpperCase()}`),
  "GIO, with a backup": renamed(() => `.goutputstream-${random().toUpperCase()}`, true),
};
