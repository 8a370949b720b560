// A repository of backups as it is written, in a config or on a command line, into one as it is used.

import { resolve } from "node:path";
import type { RepositoryConfig, S3Config, S3Credentials, StoreConfig } from "./config.ts";
import type { FaultPath } from "./config-fault.ts";
import { isOpenToEavesdroppers, parseEndpoint } from "./endpoint.ts";
import type { RawRepository } from "./repository-schema.ts";
import type { Report } from "./resolve-account.ts";
import { resolvePath } from "./resolve-mapping.ts";
import { Secret, type SecretSource } from "./secret.ts";
import type { Environment } from "./yaml-source.ts";

export interface RepositorySurroundings {
  /** What relative paths are relative to. */
  readonly folder: string;
  readonly env: Environment;
  readonly report: Report;
}

const storageKeys = [
  "endpoint",
  "region",
  "access_key_id",
  "access_key_id_file",
  "secret_access_key",
  "secret_access_key_file",
  "insecure",
] as const;

/** `raw` with its defaults, or undefined after `report` was told why not. */
export function resolveRepository(
  path: FaultPath,
  raw: RawRepository,
  surroundings: RepositorySurroundings,
): Omit<RepositoryConfig, "name"> | undefined {
  const { folder, env } = surroundings;
  let isSound = true;
  const report: Report = (...fault) => {
    isSound = false;
    surroundings.report(...fault);
  };
  for (const key of ["access_key_id", "secret_access_key", "passphrase"] as const) {
    if (raw[key] === undefined || raw[`${key}_file`] === undefined) continue;
    report([...path, `${key}_file`], `stands beside ${key}: keep one of them`, "key");
  }
  const passphrase = secretSource(raw.passphrase, raw.passphrase_file, folder);
  const store = isBucket(raw.store)
    ? resolveBucket(path, raw, { ...surroundings, report })
    : resolveFolder(path, raw, report, resolvePath(folder, raw.store, env["HOME"]));
  return isSound && store !== undefined ? { store, passphrase } : undefined;
}

/** Whether `store` is a bucket, or was meant to be one. */
export function isBucket(store: string): boolean {
  return /^[A-Za-z0-9+.-]+:\/\//.test(store);
}

function resolveFolder(base: FaultPath, raw: RawRepository, report: Report, path: string): StoreConfig {
  for (const key of storageKeys) {
    if (raw[key] !== undefined) report([...base, key], "has no use: the store is a folder", "key");
  }
  return { kind: "folder", path };
}

function resolveBucket(
  path: FaultPath,
  raw: RawRepository,
  { folder, env, report }: RepositorySurroundings,
): S3Config | undefined {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]*)\/?(.*)$/.exec(raw.store) ?? [];
  if (!isBucketName(bucket) || !isPrefix(prefix)) {
    report([...path, "store"], `"${raw.store}" is no store: write a folder, or s3://BUCKET/PREFIX`);
    return undefined;
  }
  const region = raw.region ?? (env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "auto");
  if (!/^[A-Za-z0-9-]{1,64}$/.test(region)) report([...path, "region"], `"${region}" is no region`);
  const endpoint = endpointOf(path, raw, { env, region, report });
  const credentials = credentialsOf(path, raw, folder, report);
  if (endpoint === undefined || credentials === undefined) return undefined;
  return { kind: "s3", bucket, prefix: prefix.replace(/\/+$/, ""), endpoint, region, credentials };
}

/** The rules of AWS for new buckets, which those of R2 are part of; older buckets have capitals and underscores. */
function isBucketName(bucket: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(bucket) && !bucket.includes("..");
}

/** A prefix that no URL parser and no signature takes for another one. */
function isPrefix(prefix: string): boolean {
  const parts = prefix.replace(/\/+$/, "").split("/");
  return prefix === "" || parts.every((part) => /^[A-Za-z0-9!_.*'()=@:+ ~-]+$/.test(part) && !/^\.{1,2}$/.test(part));
}

function endpointOf(
  path: FaultPath,
  raw: RawRepository,
  { env, region, report }: { readonly env: Environment; readonly region: string; readonly report: Report },
): string | undefined {
  const given = raw.endpoint ?? (env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"]);
  if (given === undefined || given === "") {
    if (region !== "auto") return `https://s3.${region}.amazonaws.com`;
    report(
      [...path, "store"],
      "has no endpoint: set AWS_ENDPOINT_URL_S3, or endpoint in the config, to https://ACCOUNT_ID.r2.cloudflarestorage.com for R2; or set the region for AWS",
    );
    return undefined;
  }
  const parsed = parseEndpoint(given);
  const at = [...path, raw.endpoint === undefined ? "store" : "endpoint"];
  if (parsed.kind === "fault" || parsed.value.kind !== "remote") {
    report(
      at,
      `"${given}" is no endpoint of object storage: write a URL such as https://ACCOUNT_ID.r2.cloudflarestorage.com`,
    );
    return undefined;
  }
  const { baseUrl } = parsed.value;
  if (raw.insecure !== true && isOpenToEavesdroppers(baseUrl)) {
    report(at, "would send backups readable over plain http: use https, or set insecure: true if the network is yours");
  }
  return baseUrl;
}

function credentialsOf(path: FaultPath, raw: RawRepository, folder: string, report: Report): S3Credentials | undefined {
  const accessKeyId = secretSource(raw.access_key_id, raw.access_key_id_file, folder);
  const secretAccessKey = secretSource(raw.secret_access_key, raw.secret_access_key_file, folder);
  if (accessKeyId === undefined && secretAccessKey === undefined) return { kind: "environment" };
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return { kind: "given", accessKeyId, secretAccessKey };
  const [has, lacks] =
    accessKeyId === undefined ? ["secret_access_key", "access_key_id"] : ["access_key_id", "secret_access_key"];
  report(path, `has a ${has} but no ${lacks}: add it, or leave both to the environment`, "key");
  return undefined;
}

function secretSource(value: string | undefined, file: string | undefined, folder: string): SecretSource | undefined {
  if (value !== undefined) return { kind: "value", secret: new Secret(value) };
  return file === undefined ? undefined : { kind: "file", path: resolve(folder, file) };
}
