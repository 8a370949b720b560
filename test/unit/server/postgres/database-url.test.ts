// The URL of a database: what is read of it, and that its password is told to nobody.

import { describe, expect, it } from "vitest";
import { AppError } from "../../../../src/core/errors.ts";
import { redact } from "../../../../src/core/redact.ts";
import { openFailure, parseDatabaseUrl } from "../../../../src/server/store/postgres/connection.ts";

const SECRET = "s3cret-pa55word";

describe("the URL of a database", () => {
  it.each([
    [`postgres://me:${SECRET}@db.example:5433/kv`, "postgres://me@db.example:5433/kv"],
    [`postgresql://me:${SECRET}@db.example/kv?sslmode=require&pool=20`, "postgres://me@db.example:5432/kv"],
    [`postgres://me:${SECRET}@/kv?host=/var/run/postgresql`, "postgres://me@/kv?host=/var/run/postgresql"],
    [`postgres://me@db.example/kv?password=${SECRET}`, "postgres://me@db.example:5432/kv"],
  ])("%s is shown without its password", (url, label) => {
    expect(parseDatabaseUrl(url).label).toBe(label);
    expect(redact(`it says ${SECRET}`)).not.toContain(SECRET);
  });

  it("says how many connections there may be", () => {
    expect(parseDatabaseUrl("postgres://me:x@h/kv").size).toBe(10);
    const { size, config } = parseDatabaseUrl("postgres://me:x@h/kv?pool=3&application_name=a");
    expect(size).toBe(3);
    expect(config).toMatchObject({ max: 4, connectionString: "postgres://me:x@h/kv?application_name=a" });
    for (const size of ["0", "-1", "1.5", "many", "", "1001"])
      expect(() => parseDatabaseUrl(`postgres://me:x@h/kv?pool=${size}`)).toThrow(/pool=/);
  });

  it.each([
    `postgres://me:${SECRET}@h:port/kv`,
    `postgres://me:12/${SECRET}@h/kv`,
    `postgres://me:12#${SECRET}@h/kv`,
    `postgres://me:12?${SECRET}@h/kv`,
    `postgres://me:a@b/${SECRET}@h/kv`,
  ])("that cannot be read is refused without being repeated: %s", (url) => {
    expect(() => parseDatabaseUrl(url)).toThrow(AppError);
    expect(() => parseDatabaseUrl(url)).not.toThrow(new RegExp(SECRET));
  });

  it("may have an @ in what its password is not", () => {
    expect(parseDatabaseUrl("postgres://me:p@ss@h/kv?application_name=a@b/c").label).toBe("postgres://me@h:5432/kv");
    expect(parseDatabaseUrl("postgres:///kv?user=a@b&host=/tmp").label).toContain("/kv?host=/tmp");
  });

  it("says a way to connect that there is", () => {
    expect(() => parseDatabaseUrl("postgres://me@h/kv?sslmode=foo")).toThrow(/sslmode=foo/);
  });
});

describe("why a database cannot be opened", () => {
  it.each([
    ["28P01", "unauthorized", /password/],
    ["3D000", "usage", /createdb/],
    ["42501", "unauthorized", /GRANT CREATE/],
    ["53300", "network", /max_connections/],
    ["ECONNREFUSED", "network", /host and port/],
    ["ENOTFOUND", "network", /name of the host/],
  ])("%s says what to do", (code, expected, hint) => {
    const failure = openFailure("postgres://h/kv", Object.assign(new Error("no"), { code }));
    expect(failure).toMatchObject({ code: expected, message: "cannot open the database postgres://h/kv: no" });
    expect(failure.hint).toMatch(hint);
  });
});
