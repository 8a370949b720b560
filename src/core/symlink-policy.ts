// What becomes of symbolic links in a folder, and which names hold only what links lead to.

/** skip: they are no keys; inside: those that stay within the folder are read as what they lead to; follow: all are. */
export type SymlinkPolicy = "skip" | "inside" | "follow";

/** A segment that is ".." as a whole has a file of another name. */
const HELD = /(?:^|\/)\.\.[^/]/;

/** Whether `key` lies in, or is, something whose name begins with "..": where links are followed, such names are not keys, as the
 * kubelet has it for ConfigMaps and Secrets (`app.json -> ..data/app.json`, `..data -> ..2026_11_28_10_00_00.1`). */
export function isHeldForLinks(key: string): boolean {
  return HELD.test(key);
}
