// The values of the benchmark of backups: what a namespace holds at first, and what each round changes, decided by key and round
// alone. All text is made anew of words, so that no two values share more than a site's pages do.

import { seededRandom } from "./make-tree.ts";

export interface BenchValue {
  readonly key: string;
  readonly bytes: Buffer;
  readonly binary: boolean;
  readonly metadata?: object;
  readonly expiration?: number;
}

/** Of a hundred rounds, every key is changed by one. */
const ROUNDS_APART = 100;
const FLAGS = 50;
const JSONS = FLAGS + 32;
const PAGES = JSONS + 12;
const BINARIES = PAGES + 3;
const DAY_S = 86_400;
/** Far away, and the same in all rounds of a day. */
const EXPIRES = (Math.floor(Date.now() / 1000 / DAY_S) + 30) * DAY_S;

const words = vocabulary(3000);

/** Value `index` as round `round` leaves it; round 0 is the first. */
export function benchValue(index: number, round: number): BenchValue {
  const random = seededRandom(index * 1009 + round * 7 + 1);
  const kind = (index * 37) % 100;
  const name = index.toString().padStart(6, "0");
  const more = {
    ...(index % 3 === 0 && { metadata: { type: "text/plain", by: `user-${index % 50}` } }),
    ...(index % 200 === 7 && { expiration: EXPIRES + index }),
  };
  const of = (folder: string, bytes: Buffer, binary = false): BenchValue => ({
    key: `${folder}/${name.slice(0, 3)}/${name}`,
    bytes,
    binary,
    ...more,
  });
  if (kind < FLAGS) return of("flags", Buffer.from(`{"on":${random() < 0.5},"share":${Math.floor(random() * 1e6)}}`));
  if (kind < JSONS) return of("json", Buffer.from(json(random, between(random, 200, 4096))));
  if (kind < PAGES) return of("pages", Buffer.from(html(random, between(random, 2048, 20_480))));
  if (kind < BINARIES) return of("binary", noise(random, between(random, 1024, 51_200)), true);
  // What a change leaves of an empty value is a short one.
  return of("empty", Buffer.from(round === 0 ? "" : `set in round ${round}: ${index}`));
}

/** Whether round `round` (1 and more) changes value `index`: 1 % of them, no key twice. */
export function isChanged(index: number, round: number): boolean {
  return Math.floor((index * 61) / ROUNDS_APART + index) % ROUNDS_APART === round;
}

function between(random: () => number, min: number, max: number): number {
  return min + Math.floor(random() * (max - min));
}

/** Common words come often and rare ones seldom, as in prose. */
function word(random: () => number): string {
  return words[Math.floor(random() ** 3 * words.length)] ?? "";
}

function json(random: () => number, size: number): string {
  let text = `{"id":"${Math.floor(random() * 2 ** 32).toString(16)}"`;
  while (text.length < size - 40) {
    text += `,"${word(random)}":${random() < 0.4 ? Math.floor(random() * 1e6) : `"${word(random)} ${word(random)}"`}`;
  }
  return `${text}}`;
}

function html(random: () => number, size: number): string {
  let text = `<!doctype html><html><head><title>${word(random)}</title></head><body>`;
  while (text.length < size - 40) {
    const prose = Array.from({ length: 20 }, () => word(random)).join(" ");
    text += `<p class="${word(random)}">${prose}</p>\n`;
  }
  return `${text}</body></html>`;
}

/** Its first byte is no UTF-8. */
function noise(random: () => number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = random() * 256;
  bytes[0] = 0xff;
  return bytes;
}

function vocabulary(count: number): readonly string[] {
  const random = seededRandom(11);
  const letter = (): string => String.fromCharCode(97 + Math.floor(random() * 26));
  return Array.from({ length: count }, () => Array.from({ length: between(random, 3, 11) }, letter).join(""));
}
