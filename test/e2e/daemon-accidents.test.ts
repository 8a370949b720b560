// What befalls a mapping in years of service, and what the daemon does about it: nothing is removed on the other side, the
// status says what is the matter and what to type, other mappings go on, and all is well again without a restart.

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Mode } from "../../src/config/config.ts";
import { AccidentFixture, type Site, TWENTY } from "../support/accident-fixture.ts";

interface Accident {
  readonly slug: string;
  readonly title: string;
  readonly modes: readonly Mode[];
  /** Before the daemon starts. */
  readonly prepare?: (site: Site) => void;
  readonly happens: (site: Site) => unknown;
  /** The side that it happens to: the other one is to stay as it is, and both if it is neither. */
  readonly hits: "folder" | "namespace" | "neither";
  readonly state: "hold" | "error";
  /** What `kvsync status` says. */
  readonly says: RegExp;
  readonly hints: RegExp;
  readonly ends: (site: Site) => unknown;
}

const all: readonly Mode[] = ["push", "pull", "two-way"];
const canMount = ((): boolean => {
  const dir = mkdtempSync(join(tmpdir(), "kvsync-mount-"));
  const mounted = spawnSync("mount", ["--bind", dir, dir]).status === 0;
  if (mounted) spawnSync("umount", [dir]);
  rmSync(dir, { recursive: true });
  return mounted;
})();

const mount = ({ folder, aside }: Site): void => {
  mkdirSync(aside, { recursive: true });
  spawnSync("mount", ["--bind", aside, folder]);
};
const unmount = ({ folder }: Site): unknown => spawnSync("umount", ["-l", folder]);
const takeAway = ({ folder, aside }: Site): void => {
  renameSync(folder, aside);
  mkdirSync(folder);
};
const bringBack = ({ folder, aside }: Site): void => {
  rmSync(folder, { recursive: true });
  renameSync(aside, folder);
};

const accidents: readonly Accident[] = [
  {
    slug: "unmounted",
    title: canMount
      ? "the disk of its folder is unmounted, and mounted again"
      : "an empty folder is in place of its own (as if unmounted: this user may not mount)",
    modes: all,
    ...(canMount ? { prepare: mount, happens: unmount, ends: mount } : { happens: takeAway, ends: bringBack }),
    hits: "folder",
    state: "hold",
    says: /the folder is not the one it was: 0 of 20 keys are as they were/,
    hints: /mount its disk or bring back the folder it was, and it goes on by itself/,
  },
  {
    slug: "emptied",
    title: "its folder is emptied, and filled again",
    modes: ["push", "two-way"],
    happens: (site) => Object.keys(site.files()).forEach((file) => rmSync(join(site.folder, file))),
    hits: "folder",
    state: "hold",
    says: /20 keys would be removed from the namespace, since the folder has none of them/,
    hints: /bring back what was there, and it goes on by itself/,
    ends: (site) => site.write(TWENTY),
  },
  {
    slug: "refilled",
    title: "its folder is emptied, and filled again file by file",
    modes: ["push", "two-way"],
    happens: (site) => Object.keys(site.files()).forEach((file) => rmSync(join(site.folder, file))),
    hits: "folder",
    state: "hold",
    says: /20 keys would be removed from the namespace, since the folder has none of them/,
    hints: /bring back what was there, and it goes on by itself/,
    // Slower than the daemon looks.
    ends: async (site) => {
      for (const [name, text] of Object.entries(TWENTY)) {
        site.write({ [name]: text });
        await setTimeout(200);
      }
    },
  },
  {
    slug: "replaced",
    title: "another folder takes the place of its own",
    modes: all,
    happens: (site) => {
      takeAway(site);
      site.write({ k00: "other", k01: "other", alien: "1" });
    },
    hits: "folder",
    state: "hold",
    says: /the folder is not the one it was: 0 of 20 keys are as they were/,
    hints: /bring back the folder it was/,
    ends: bringBack,
  },
  {
    slug: "unreadable",
    title: "its folder may no longer be read",
    modes: all,
    happens: ({ folder }) => chmodSync(folder, 0),
    hits: "folder",
    state: "error",
    says: /cannot be used: EACCES: permission denied \(root-missing/,
    hints: /let this user read it .*kvsync doctor.*nothing was deleted/,
    ends: ({ folder }) => chmodSync(folder, 0o755),
  },
  {
    slug: "cleared",
    title: "somebody else removes all keys of its namespace, and puts them back",
    modes: ["pull", "two-way"],
    happens: (site) => site.clear(),
    hits: "namespace",
    state: "hold",
    says: /20 keys would be removed from the folder, since the namespace has none of them/,
    hints: /bring back what was there, and it goes on by itself/,
    ends: (site) => site.put(TWENTY),
  },
  {
    slug: "scrambled",
    title: "somebody else overwrites all keys of its namespace, and puts them back",
    modes: all,
    happens: (site) => site.put(Object.fromEntries(Object.keys(TWENTY).map((key) => [key, "scrambled"]))),
    hits: "namespace",
    state: "hold",
    says: /all 20 keys that both sides agreed on would be overwritten in the (folder|namespace) \(max_overwrite\)/,
    hints: /bring back what was there, and it goes on by itself/,
    ends: (site) => site.put(TWENTY),
  },
];

const fixture = new AccidentFixture();

beforeAll(async () => {
  const sites = accidents.flatMap(({ slug, modes }) => modes.map((mode) => [`${slug}-${mode}`, mode] as const));
  const more = ["recreated", "filtered", "expired"].flatMap((slug) =>
    all.map((mode) => [`${slug}-${mode}`, mode] as const),
  );
  const single = [
    ["refilled-pull", "pull"],
    ["rewritten-push", "push"],
  ] as const;
  await fixture.start([...sites, ...more, ...single], (site) => {
    accidents.find(({ slug }) => site.name.startsWith(`${slug}-`))?.prepare?.(site);
  });
});

afterAll(async () => {
  for (const mode of all) unmount(fixture.site(`unmounted-${mode}`));
  await fixture.close();
});

/** What a person who asks is told. */
async function statusOf({ name }: Site): Promise<string> {
  const { code, signal, stdout, stderr } = await fixture.run("status", name);
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
  return stdout;
}

async function expectInStep(site: Site): Promise<void> {
  const status = await site.until("in-step");
  expect(status).toMatchObject({ hold: null, error: null });
  expect([site.files(), await site.keys()]).toEqual([TWENTY, TWENTY]);
  expect(fixture.isRunning).toBe(true);
}

describe.concurrent.each(accidents)("when $title", (accident) => {
  it.for(accident.modes)("a %s removes nothing, says so, and recovers", async (mode, { skip }) => {
    const site = fixture.site(`${accident.slug}-${mode}`);
    skip(accident.slug === "unreadable" && fixture.readsAll, "the daemon's user may read everything");
    await expectInStep(site);
    await accident.happens(site);
    await site.until(accident.state);
    // A look may have come while it happened.
    await site.eventually(async () => expect(await statusOf(site)).toMatch(accident.says));
    expect(await statusOf(site)).toMatch(accident.hints);
    if (accident.hits !== "folder") expect(site.files()).toEqual(TWENTY);
    if (accident.hits !== "namespace") expect(await site.keys()).toEqual(TWENTY);
    await fixture.expectBystander(site.name);
    await accident.ends(site);
    await expectInStep(site);
  });
});

describe.concurrent("what is no accident for who holds the truth", () => {
  it("a pull puts back what was removed from its folder", async () => {
    const site = fixture.site("refilled-pull");
    for (const file of Object.keys(TWENTY)) rmSync(join(site.folder, file));
    await site.eventually(() => expect(site.files()).toEqual(TWENTY));
    await expectInStep(site);
  });

  it("a push puts back what was removed from its namespace", async () => {
    const site = fixture.site("rewritten-push");
    await site.clear();
    await site.eventually(async () => expect(await site.keys()).toEqual(TWENTY));
    await expectInStep(site);
  });
});

describe.concurrent("when its namespace is deleted, and another one gets its title", () => {
  it.for(all)("a %s fails, is then held, and goes on when it is approved", async (mode) => {
    const site = fixture.site(`recreated-${mode}`);
    await site.dropNamespace();
    await site.until("error");
    const gone = await statusOf(site);
    expect(gone).toMatch(/the namespace "recreated-\S+" is gone: its id was [0-9a-f]{32} \(namespace-not-found/);
    expect(gone).toContain(`kvsync namespace create net:${site.name}, then kvsync approve ${site.name}`);
    expect(site.files()).toEqual(TWENTY);
    await fixture.expectBystander(site.name);
    await site.createNamespace();
    await site.put({ k00: "theirs" });
    await site.until("hold");
    expect(await statusOf(site)).toMatch(/the namespace is not the one it was: its id was [0-9a-f]{32} and is/);
    expect([site.files(), await site.keys()]).toEqual([TWENTY, { k00: "theirs" }]);
    expect((await fixture.run("approve", site.name)).code).toBe(0);
    await site.until("in-step");
    const theirs = { ...TWENTY, k00: "theirs" };
    const files = Object.fromEntries(Object.entries(site.files()).filter(([file]) => !file.includes("%conflict-")));
    expect([files, await site.keys()]).toEqual(
      { push: [TWENTY, TWENTY], pull: [theirs, { k00: "theirs" }], "two-way": [theirs, theirs] }[mode],
    );
    const lost = (await fixture.run("trash", "list", "--json", site.name)).stdout;
    expect(lost).toContain('"key":"k00"');
  });
});

describe.concurrent("when its filters change", () => {
  it.for(all)("a %s removes nothing that they hide, and holds what they no longer hide", async (mode) => {
    const site = fixture.site(`filtered-${mode}`);
    await fixture.reconfigure(site.name, ', exclude: ["k0*"]');
    await expectInStep(site);
    if (mode === "pull") await site.remove("k00");
    else rmSync(join(site.folder, "k00"));
    await fixture.run("sync", "--now", site.name);
    const before = [site.files(), await site.keys()];
    await fixture.reconfigure(site.name, "");
    await site.until("hold");
    const status = await statusOf(site);
    expect(status).toContain("include or exclude changed, and 1 key would be removed");
    expect(status).toContain("put the patterns back as they were, and kvsync reload");
    expect([site.files(), await site.keys()]).toEqual(before);
    await fixture.expectBystander(site.name);
    await fixture.reconfigure(site.name, ', exclude: ["k0*"]');
    expect(await site.until("in-step")).toMatchObject({ hold: null, error: null });
    expect([site.files(), await site.keys()]).toEqual(before);
  });
});

describe("when its token is refused for a while", () => {
  const sites = (): Site[] => all.map((mode) => fixture.site(`expired-${mode}`));

  it("mappings fail, remove nothing, and carry over what was edited meanwhile when it is accepted again", async () => {
    await fixture.withoutToken(async () => {
      const [push, , twoWay] = sites();
      for (const site of [push!, twoWay!]) site.write({ k00: "edited meanwhile" });
      for (const site of sites()) {
        await site.until("error");
        await site.eventually(async () => expect(await statusOf(site)).toContain("(unauthorized, for"));
        expect(await statusOf(site)).toMatch(/hint: the token needs the permission .*check that it has not expired/);
        expect(Object.keys(site.files())).toEqual(Object.keys(TWENTY));
      }
    });
    for (const site of sites()) {
      await site.until("in-step");
      const edited = site.mode === "pull" ? TWENTY : { ...TWENTY, k00: "edited meanwhile" };
      expect([site.files(), await site.keys()]).toEqual([edited, edited]);
    }
    await fixture.expectBystander("expired");
  });
});
