// Whoever is to be told of trouble, as the config writes it, into one as it is used.

import { basename } from "node:path";
import { hideSecret, looksLikeToken } from "../core/redact.ts";
import type { NoticeEvent, NoticeTarget, NotifyConfig } from "./config.ts";
import type { FaultPath } from "./config-fault.ts";
import { isOpenToEavesdroppers } from "./endpoint.ts";
import { NAME } from "./field.ts";
import { NOTICE_EVENTS, type RawNotify } from "./notify-schema.ts";
import type { Report } from "./resolve-account.ts";
import { resolvePath } from "./resolve-mapping.ts";
import { Secret, type SecretSource } from "./secret.ts";

export interface NotifySurroundings {
  /** What relative paths are relative to. */
  readonly folder: string;
  readonly home: string | undefined;
  /** Whether nothing was reported yet at or under a path. */
  readonly isSound: (...path: FaultPath) => boolean;
  readonly report: Report;
}

const FAILING_AFTER_MS = 600_000;
const GATHER_MS = 30_000;
const WEBHOOK_TIMEOUT_MS = 10_000;
const PROGRAM_TIMEOUT_MS = 60_000;

/** Headers that kvsync sets itself, or that say how the body goes over the wire. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "idempotency-key",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "x-kvsync-signature",
]);

/** Only what is sound; `report` is told of the rest. */
export function resolveNotify(raw: readonly RawNotify[], surroundings: NotifySurroundings): readonly NotifyConfig[] {
  const targets: NotifyConfig[] = [];
  for (const [index, each] of raw.entries()) {
    const path: FaultPath = ["notify", index];
    if (!surroundings.isSound(...path)) continue;
    const target = resolveTarget(path, each, surroundings);
    if (target === undefined) continue;
    if (targets.some(({ name }) => name === target.name))
      surroundings.report(
        [...path, each.name === undefined ? (each.webhook === undefined ? "run" : "webhook") : "name"],
        `is called "${target.name}", as one before it is: give it a name of its own with name:`,
        "key",
      );
    else targets.push(target);
  }
  return targets;
}

function resolveTarget(path: FaultPath, raw: RawNotify, surroundings: NotifySurroundings): NotifyConfig | undefined {
  let isSound = true;
  const report: Report = (...fault) => {
    isSound = false;
    surroundings.report(...fault);
  };
  const within = { ...surroundings, report };
  if (raw.webhook !== undefined && raw.run !== undefined) {
    report([...path, "run"], "stands beside webhook: make two entries of them", "key");
    return undefined;
  }
  const to = raw.run === undefined ? webhookOf(path, raw, within) : programOf(path, raw, raw.run, report);
  if (!isSound || to === undefined) return undefined;
  return {
    name: raw.name ?? nameOf(to),
    to,
    on: new Set<NoticeEvent>(raw.on ?? NOTICE_EVENTS),
    failingAfterMs: raw.failing_after ?? FAILING_AFTER_MS,
    backupAgeMs: raw.backup_age,
    gatherMs: raw.gather ?? GATHER_MS,
  };
}

function programOf(path: FaultPath, raw: RawNotify, run: readonly string[], report: Report): NoticeTarget {
  for (const key of ["secret", "secret_file", "headers", "insecure"] as const) {
    if (raw[key] !== undefined) report([...path, key], "has no use: it is a program, and no webhook", "key");
  }
  return { kind: "program", run, timeoutMs: raw.timeout ?? PROGRAM_TIMEOUT_MS };
}

function webhookOf(
  path: FaultPath,
  raw: RawNotify,
  { folder, home, report }: NotifySurroundings,
): NoticeTarget | undefined {
  if (raw.webhook === undefined) {
    report(path, "has neither webhook nor run: add webhook: https://..., or run: [PROGRAM]");
    return undefined;
  }
  const url = URL.parse(raw.webhook);
  // Who knows the address of a chat's webhook may write into the chat.
  const address = new Secret(raw.webhook);
  for (const part of raw.webhook.split(/[/?&=]/)) if (looksLikeToken(part)) hideSecret(part);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    report([...path, "webhook"], "is no URL: write one such as https://chat.example.com/hooks/abc");
    return undefined;
  }
  if (url.username !== "" || url.password !== "")
    report(
      [...path, "webhook"],
      'must hold no user name or password: write headers: { Authorization: "Basic ..." } instead',
    );
  if (raw.insecure !== true && isOpenToEavesdroppers(url.origin))
    report(
      [...path, "webhook"],
      "would tell of your mappings over plain http: use https, or set insecure: true if the network is yours",
    );
  if (raw.secret !== undefined && raw.secret_file !== undefined)
    report([...path, "secret_file"], "stands beside secret: keep one of them", "key");
  return {
    kind: "webhook",
    url: address,
    host: url.host,
    secret: secretOf(raw, folder, home),
    headers: headersOf([...path, "headers"], raw.headers ?? {}, report),
    timeoutMs: raw.timeout ?? WEBHOOK_TIMEOUT_MS,
  };
}

function secretOf(raw: RawNotify, folder: string, home: string | undefined): SecretSource | undefined {
  if (raw.secret !== undefined) return { kind: "value", secret: new Secret(raw.secret) };
  return raw.secret_file === undefined ? undefined : { kind: "file", path: resolvePath(folder, raw.secret_file, home) };
}

function headersOf(
  path: FaultPath,
  raw: Readonly<Record<string, string>>,
  report: Report,
): ReadonlyMap<string, Secret> {
  const headers = new Map<string, Secret>();
  for (const [name, value] of Object.entries(raw)) {
    if (OWN_HEADERS.has(name.toLowerCase())) report([...path, name], `${name} is set by kvsync itself`, "key");
    // What RFC 9110 lets a field value hold, but for bytes that are no ASCII.
    else if (!/^[\x20-\x7e\t]*$/.test(value)) report([...path, name], "holds what no header may hold");
    headers.set(name.toLowerCase(), new Secret(value));
  }
  return headers;
}

/** `chat.example.com`, `page-me`; every character that no name may have becomes a dash. */
function nameOf(to: NoticeTarget): string {
  const word = to.kind === "webhook" ? to.host : basename(to.run[0] ?? "");
  const plain = word.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return NAME.test(plain) ? plain : to.kind;
}
