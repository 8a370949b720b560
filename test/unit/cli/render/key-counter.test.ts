// Keys are counted once each, as far as memory goes.

import { expect, it } from "vitest";
import { openKeyCounter } from "../../../../src/cli/render/key-counter.ts";
import { keyOf } from "../../../support/values.ts";

it("counts each key once, and behind its limit each name that it does not remember", () => {
  const counter = openKeyCounter(2);
  const render = (...keys: readonly string[]): string => {
    for (const key of keys) counter.add(keyOf(key));
    return counter.render();
  };
  expect(render()).toBe("0 keys");
  expect(render("a", "a")).toBe("1 key");
  expect(render("b", "a", "b")).toBe("2 keys");
  expect(render("c", "c", "a")).toBe("4 keys");
  expect(counter.total()).toBe(4);
});
