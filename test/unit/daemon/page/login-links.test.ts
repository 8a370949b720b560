// One-time links: each logs in once, within ten minutes, and nothing else does.

import { expect, it } from "vitest";
import { openLoginLinks } from "../../../../src/daemon/page/login-links.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const MINUTE = 60_000;

it("is good once", () => {
  const links = openLoginLinks(new FakeClock());
  const token = links.create();
  expect(token).toMatch(/^[\w-]{43}$/);
  expect([links.redeem(token, "a"), links.redeem(token, "a")]).toEqual(["good", "refused"]);
});

it("is good for ten minutes, whatever the time of day is set to", async () => {
  const clock = new FakeClock();
  const links = openLoginLinks(clock);
  const [early, late] = [links.create(), links.create()];
  clock.jump(-1_000_000_000);
  await clock.advance(10 * MINUTE - 1);
  expect(links.redeem(early, "a")).toBe("good");
  await clock.advance(1);
  expect(links.redeem(late, "a")).toBe("refused");
});

it("several wait at once, the newest twenty", () => {
  const links = openLoginLinks(new FakeClock());
  const tokens = Array.from({ length: 21 }, () => links.create());
  expect(new Set(tokens).size).toBe(21);
  expect(tokens.map((token) => links.redeem(token, "a")).filter((outcome) => outcome === "good")).toHaveLength(20);
  expect(openLoginLinks(new FakeClock()).redeem(tokens[0]!, "a")).toBe("refused");
});

it("what is no token is refused", () => {
  const links = openLoginLinks(new FakeClock());
  const token = links.create();
  for (const [i, text] of ["", " ", token.slice(1), `${token}=`, token.toLowerCase(), "é".repeat(43)].entries())
    expect(links.redeem(text, `address ${i}`)).toBe("refused");
  expect(links.redeem(token, "a")).toBe("good");
});

it("who guesses is told to wait after ten tries a minute, while a good link logs in", async () => {
  const clock = new FakeClock();
  const links = openLoginLinks(clock);
  const token = links.create();
  const guess = (): string => links.redeem("x".repeat(43), "10.0.0.1");
  expect(Array.from({ length: 12 }, guess)).toEqual([
    ...Array.from({ length: 10 }, () => "refused"),
    "too-many",
    "too-many",
  ]);
  expect(links.redeem("x".repeat(43), "10.0.0.2")).toBe("refused");
  expect(links.redeem(token, "10.0.0.1")).toBe("good");
  await clock.advance(MINUTE);
  expect(guess()).toBe("refused");
});
