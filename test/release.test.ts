// What a release is made of: the package as npm wants it, the address of the config schema, workflows that call .ci/run, and the image. What is in
// the package, and the build of the image, have test/e2e/package.test.ts.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../src/config/load-config.ts";
import { parseTokensFile } from "../src/config/tokens-file.ts";
import { SCHEMA_ADDRESS } from "../src/config/schema-address.ts";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pack = JSON.parse(read("package.json")) as Record<string, unknown>;

describe("the package", () => {
  it("says where it comes from, and is published with provenance", () => {
    expect(pack).toMatchObject({
      repository: { type: "git", url: "git+https://github.com/kvsync/kvsync.git" },
      homepage: "https://github.com/kvsync/kvsync#readme",
      bugs: { url: "https://github.com/kvsync/kvsync/issues" },
      license: "MIT",
      publishConfig: { access: "public", provenance: true },
    });
  });

  it("has its config schema at the address that configs name", () => {
    expect((JSON.parse(read("config.schema.json")) as { readonly $id: string }).$id).toBe(SCHEMA_ADDRESS);
  });
});

describe("the workflows", () => {
  const ci = parse(read(".github/workflows/ci.yml")) as Workflow;
  const release = parse(read(".github/workflows/release.yml")) as Workflow;

  interface Workflow {
    readonly permissions: unknown;
    readonly jobs: Readonly<
      Record<
        string,
        {
          readonly needs?: string;
          readonly uses?: string;
          readonly permissions?: object;
          readonly steps?: readonly { readonly run?: string }[];
        }
      >
    >;
  }

  it("check by .ci/run", () => {
    expect(ci.jobs["ci"]?.steps?.map(({ run }) => run)).toContain("bash .ci/run");
    expect(ci.permissions).toEqual({ contents: "read" });
  });

  it("publish what was checked, with provenance", () => {
    const { npm, image, ci: checked } = release.jobs;
    expect(checked?.uses).toBe("./.github/workflows/ci.yml");
    expect([npm?.needs, image?.needs]).toEqual(["ci", "npm"]);
    expect(npm?.permissions).toEqual({ contents: "read", "id-token": "write" });
    // Provenance is asked for by publishConfig of package.json.
    expect(npm?.steps?.at(-1)?.run).toMatch(/^npm publish --tag "\$CHANNEL"$/);
  });
});

describe("the image", () => {
  const dockerfile = read("Dockerfile");

  it("runs as nobody in particular, with one volume and a health check", () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile.match(/^VOLUME .*$/gm)).toEqual(["VOLUME /data"]);
    expect(dockerfile).toMatch(/^HEALTHCHECK /m);
  });

  it("has a compose file that is YAML", () => {
    expect(parse(read("docs/compose.yaml"))).toMatchObject({
      services: { kvsync: { user: "1000:1000", read_only: true } },
    });
  });

  it("has one for a team, whose files of tokens and of the daemons are taken", () => {
    const { services } = parse(read("docs/team/compose.yaml"), { merge: true }) as {
      services: Record<string, { user?: string; read_only?: boolean }>;
    };
    expect(Object.keys(services)).toEqual(["db", "server", "web", "jobs"]);
    for (const name of ["server", "web", "jobs"])
      expect(services[name]).toMatchObject({ user: "1000:1000", read_only: true });
    const names = parseTokensFile(read("docs/team/server/tokens.yaml"), "tokens.yaml", {}).map(({ name }) => name);
    expect(names).toEqual(["admin", "web", "jobs"]);
    const config = loadConfig({
      path: "docs/team/daemon/kvsync.yaml",
      cwd: root,
      env: {},
      readFile: (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined),
    });
    expect(config.mappings.get("app-config")).toMatchObject({ mode: "pull" });
  });
});
