import { expect, it } from "vitest";
import { openSoundValues } from "../../../../src/backup/check/sound-values.ts";
import type { ItemId } from "../../../../src/backup/repository/repository.ts";

const id = (n: number) => `${n}` as ItemId;

it("are known by their sizes too, as long as they are used, and not much longer", () => {
  const sound = openSoundValues();
  for (let n = 0; n < 100_000; n++) {
    sound.add(id(n), n);
    if (n % 100 === 0) expect(sound.has(id(0), 0)).toBe(true);
  }
  expect(sound.has(id(0), 1)).toBe(false);
  expect(sound.has(id(85_000), 85_000)).toBe(true);
  expect(sound.has(id(59_000), 59_000)).toBe(false);
});
