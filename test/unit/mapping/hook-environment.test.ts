import { describe, expect, it } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { hookEnvironment } from "../../../src/mapping/hooks/hook-environment.ts";

const TOKEN = "Xk39dkeLQ0zzPq8a";
const ADDRESS = `https://hooks.example.com:8443/api/webhooks/T0123456789/${TOKEN}?thread=main-thread`;

describe("beside a webhook, a hook sees", () => {
  it.each([
    ["the host", "hooks.example.com"],
    ["the host with its port", "hooks.example.com:8443"],
    ["the address without what is secret of it", "https://hooks.example.com:8443/api/webhooks/"],
    ["a word of the path", "webhooks"],
    ["a word of the query", "main-thread"],
  ])("a variable that holds %s", (_, value) => {
    expect(hookEnvironment({ V: value }, [new Secret(ADDRESS)])).toEqual({ V: value });
  });

  it.each([
    ["the address", ADDRESS],
    ["its path", `/api/webhooks/T0123456789/${TOKEN}`],
    ["the token in it", TOKEN],
    ["a part of that", TOKEN.slice(0, 10)],
    ["its end", `${TOKEN}?thread=main-thread`],
  ])("no variable that holds %s", (_, value) => {
    expect(hookEnvironment({ V: value }, [new Secret(ADDRESS)])).toEqual({});
  });

  it("no variable that is part of a secret that is no address", () => {
    expect(hookEnvironment({ A: "longer-than-eight", B: "other" }, [new Secret("Bearer longer-than-eight")])).toEqual({
      B: "other",
    });
  });
});
