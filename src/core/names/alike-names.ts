// Names that are two to Workers KV and to Linux, and one to macOS or Windows: they differ only in case, or only in their Unicode
// form ("é" as one character, or as "e" and an accent). Both are legal and are synced, but a folder with both cannot be copied
// there: one of the two files is lost.
//
// Keys come in order, so those below one folder come one after another, and each level of the path is compared by itself:
// `A/x` and `a/y` are told as the folders `A` and `a`. Only what may have a twin that comes later is remembered: names with a
// capital or with a character beyond ASCII, of the folders on the present path. (A name in plain small letters has its twins
// before it, as capitals come first in the order of keys.) So nearly all trees take no memory at all.
//
// What it can miss: twins in a folder with over 50,000 such names, or twins that differ in a way of which Unicode's simple
// lower case knows nothing ("ß" and "SS"), or of which the one in plain small letters comes first ("k" and the sign for Kelvin).

export interface AlikeNames {
  /** The first of them, in key order. */
  readonly pairs: readonly AlikePair[];
  /** How many there are in all. */
  readonly count: number;
}

export interface AlikePair {
  /** Keys, or what keys begin with up to the name of a folder: the same but for the last name. */
  readonly names: readonly [string, string];
  readonly differ: "case" | "form";
}

export interface AlikeSearch {
  /** Keys in ascending order, over all calls. */
  add(key: string): void;
  found(): AlikeNames;
}

export const NONE_ALIKE: AlikeNames = { pairs: [], count: 0 };

/** More than a person reads. */
const PAIRS_MAX = 20;
/** About 10 MB. */
const REMEMBERED_MAX = 50_000;
/** What is another text when it is folded, or may be what another text is folded to. */
const MAY_COME_FIRST = /[A-Z\u0080-\uffff]/;

/** A folder. */
interface Level {
  readonly name: string;
  /** The names in the folder that may have a twin, by what they are folded to. */
  twins: Map<string, string> | undefined;
}

export function openAlikeSearch(rememberedMax: number = REMEMBERED_MAX): AlikeSearch {
  /** The folder of the last key, and the folders on the way there. */
  let folder = "";
  let path: Level[] = [];
  let top: Map<string, string> | undefined;
  let remembered = 0;
  const pairs: AlikePair[] = [];
  let count = 0;

  const twinsAt = (depth: number): Map<string, string> | undefined => (depth === 0 ? top : path[depth - 1]!.twins);

  function compare(name: string, depth: number): void {
    const twins = twinsAt(depth);
    const isSpecial = MAY_COME_FIRST.test(name);
    if (!isSpecial && twins === undefined) return;
    const folded = isSpecial ? fold(name) : name;
    const twin = twins?.get(folded);
    if (twin !== undefined && twin !== name) {
      const start = path
        .slice(0, depth)
        .map((level) => `${level.name}/`)
        .join("");
      count++;
      // The same name may come again, as that of a folder.
      twins?.set(folded, name);
      const differ = twin.normalize("NFC") === name.normalize("NFC") ? "form" : "case";
      if (pairs.length < PAIRS_MAX) pairs.push({ names: [start + twin, start + name], differ });
    } else if (twin === undefined && isSpecial && remembered < rememberedMax) {
      remembered++;
      if (twins !== undefined) twins.set(folded, name);
      else if (depth === 0) top = new Map([[folded, name]]);
      else path[depth - 1]!.twins = new Map([[folded, name]]);
    }
  }

  /** `next`: "" or ending in "/". */
  function enter(next: string): void {
    const names = next.split("/").slice(0, -1);
    let depth = 0;
    while (depth < path.length && path[depth]!.name === names[depth]) depth++;
    for (const level of path.slice(depth)) remembered -= level.twins?.size ?? 0;
    path = path.slice(0, depth);
    for (const name of names.slice(depth)) {
      compare(name, path.length);
      path.push({ name, twins: undefined });
    }
    folder = next;
  }

  return {
    add(key) {
      const end = key.lastIndexOf("/") + 1;
      // Nearly always it is in the folder that the last one was in.
      if (end !== folder.length || !key.startsWith(folder)) enter(key.slice(0, end));
      compare(key.slice(end), path.length);
    },
    found: () => ({ pairs, count }),
  };
}

function fold(name: string): string {
  return name.normalize("NFC").toLowerCase().normalize("NFC");
}

/** Why a pair matters, in lower case, with both names in it, for people. */
export function renderAlike({ names, differ }: AlikePair): string {
  const [a, b] = differ === "form" ? names.map(spelled) : names.map((name) => `"${name}"`);
  const how = differ === "case" ? "in upper and lower case" : "in their Unicode form";
  return `${a} and ${b} differ only ${how}: both are synced, but macOS and Windows can take them for one file`;
}

/** Both look alike on a screen, so what is not ASCII is shown by its number. */
function spelled(name: string): string {
  const shown = name.replace(/[^\x20-\x7e]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
  return `"${shown}"`;
}
