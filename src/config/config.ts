// The configuration as the rest of kvsync sees it: plain readonly data, complete (every default is in), with durations
// in milliseconds, sizes in bytes, percentages as ratios, and absolute paths. How it is written in a file is known to
// schema.ts alone.

import type { ByteCount, DurationMs } from "../core/clock.ts";
import type { GuardLimits } from "../core/guards.ts";
import type { ConflictPolicy } from "../core/reconcile-two-way.ts";
import type { DeletePolicy } from "../core/reconcile.ts";
import type { RetentionRule } from "../core/retention-rule.ts";
import type { SymlinkPolicy } from "../core/symlink-policy.ts";
import type { Secret, SecretSource } from "./secret.ts";

export interface Config {
  /** The file it was read from; undefined: there is none, and the account, if any, comes from the environment. */
  readonly file: string | undefined;
  readonly stateDir: string;
  readonly root: string;
  /** What becomes of the values that copies between two locations replace or remove; a mapping has its own. */
  readonly trash: TrashConfig;
  /** By name, in the order of the file. */
  readonly accounts: ReadonlyMap<string, AccountConfig>;
  /** By name, in the order of the file. */
  readonly mappings: ReadonlyMap<string, MappingConfig>;
  /** Of backups; by name, in the order of the file. */
  readonly repositories: ReadonlyMap<string, RepositoryConfig>;
  /** That run by themselves; by name, in the order of the file. */
  readonly backups: ReadonlyMap<string, BackupConfig>;
  /** Of all migrations. */
  readonly onMigration: HookConfig | undefined;
  /** Undefined: none is served. */
  readonly page: PageConfig | undefined;
  /** Who is told when a person should look; each has a name of its own. */
  readonly notify: readonly NotifyConfig[];
  /** Undefined: only the mappings above. Otherwise see auto-mappings.ts. */
  readonly auto: AutoConfig | undefined;
}

/** The status page. */
export interface PageConfig {
  readonly listen: ListenAddress;
  /** Names that it may be asked by, besides those of the address: of a reverse proxy, say. In lower case. */
  readonly hosts: readonly string[];
}

export interface ListenAddress {
  /** An address or a name, an IPv6 address without brackets. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

export interface AccountConfig {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly accountId: string;
  readonly credentials: CredentialSource;
  readonly budget: BudgetConfig;
  /** Requests in flight at once; undefined: what the client thinks best. */
  readonly concurrency: number | undefined;
}

export type Endpoint =
  /** The KV server in this process, with its data in the state folder. */
  { readonly kind: "embedded" } | { readonly kind: "remote"; readonly baseUrl: string };

export type CredentialSource =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: SecretSource }
  | { readonly kind: "key"; readonly email: string; readonly key: SecretSource };

export interface RepositoryConfig {
  /** In the file; undefined: it is none of the file's. */
  readonly name: string | undefined;
  readonly store: StoreConfig;
  /** Undefined: what the environment or a person says. */
  readonly passphrase: SecretSource | undefined;
}

export type StoreConfig = { readonly kind: "folder"; readonly path: string } | S3Config;

export interface S3Config {
  readonly kind: "s3";
  readonly bucket: string;
  /** What names of objects begin with, without a `/` at its end; "": nothing. */
  readonly prefix: string;
  /** A URL without a `/` at its end; it may have a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: S3Credentials;
}

export type S3Credentials =
  /** AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. */
  | { readonly kind: "environment" }
  | { readonly kind: "given"; readonly accessKeyId: SecretSource; readonly secretAccessKey: SecretSource };

export interface BackupConfig {
  readonly name: string;
  /** Locations, folders among them with absolute paths; `prod:*` is every namespace of an account. */
  readonly sources: readonly string[];
  readonly repository: RepositoryConfig;
  /** The repository as the file names it. */
  readonly repositoryLabel: string;
  /** Undefined: only when it is asked for. */
  readonly schedule: BackupSchedule | undefined;
  /** IANA name; undefined: that of the system. */
  readonly timeZone: string | undefined;
  /** Each run begins by chance up to so much later. */
  readonly jitterMs: DurationMs;
  /** What is kept; empty: everything. */
  readonly keep: readonly RetentionRule[];
  readonly prune: boolean;
  /** Undefined: never. */
  readonly drillEveryMs: DurationMs | undefined;
  readonly tags: readonly string[];
  /** Other backups of the file that may back up one of its sources into the same repository, under the same filter. */
  readonly sharesSourcesWith: readonly string[];
  readonly prefix: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly skipIfUnchanged: boolean;
  /** A repository that does not exist yet is made without encryption. */
  readonly isPlain: boolean;
  readonly onFailure: HookConfig | undefined;
  readonly onSuccess: HookConfig | undefined;
}

export type BackupSchedule =
  | { readonly kind: "every"; readonly everyMs: DurationMs }
  /** Minutes since midnight. */
  | { readonly kind: "daily"; readonly atMinutes: number };

export interface BudgetConfig {
  /** Infinity: no limit (an embedded account). */
  readonly requests: number;
  readonly windowMs: DurationMs;
  /** The part of it that kvsync may spend, above 0 and up to 1. */
  readonly share: number;
  /** The part of that share which the daemon may spend on polling, above 0 and up to 1. */
  readonly pollShare: number;
}

export type Mode = "push" | "pull" | "two-way";
/** Whether another folder in the place of a mapping's is a reason to hold a round ("hold"), or happens on purpose ("allow"). */
export type RootSwaps = "hold" | "allow";
/** How the daemon learns that files changed. "auto": by events, and by polling where these do not tell of all changes. */
export type WatchMode = "auto" | "native" | "polling" | "off";
export type NameScheme = "posix" | "portable";

/** What all mappings of an `auto` have in common. */
export interface MappingPolicy {
  readonly account: string;
  readonly mode: Mode;
  readonly delete: DeletePolicy;
  /** What is gone at one side is removed from the other after this long; 0: at once. */
  readonly removeAfterMs: DurationMs;
  readonly conflict: ConflictPolicy;
  /** Create the namespace if there is none of that title. */
  readonly create: boolean;
  readonly names: NameScheme;
  readonly stamp: boolean;
  /** Stamps are believed even of what is about to be overwritten or removed. */
  readonly trustStamps: boolean;
  /** Patterns in gitignore syntax, matched against keys; empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Whether what core/default-excludes.ts lists is excluded as well. */
  readonly excludeDefaults: boolean;
  readonly rules: readonly RuleConfig[];
  readonly maxDelete: GuardLimits["maxDelete"];
  readonly maxOverwrite: GuardLimits["maxOverwrite"];
  readonly rootSwaps: RootSwaps;
  readonly symlinks: SymlinkPolicy;
  readonly trash: TrashConfig;
  readonly settleWindowMs: DurationMs;
  /** How long a file must not have changed before it is replaced or removed. */
  readonly quietMs: DurationMs;
  /** How long a file must not have been written to before it is pushed; 0: it is pushed as it is. */
  readonly stableAfterMs: DurationMs;
  /** A file that is written to all the time is pushed as it is, once in this time. */
  readonly stableMaxMs: DurationMs;
  readonly pollIntervalMs: DurationMs;
  readonly rescanIntervalMs: DurationMs;
  readonly watch: WatchMode;
  /** How often the folder is looked at where it is polled. */
  readonly watchIntervalMs: DurationMs;
  readonly onChange: HookConfig | undefined;
  readonly onHold: HookConfig | undefined;
  readonly onConflict: HookConfig | undefined;
}

export interface MappingConfig extends MappingPolicy {
  readonly name: string;
  readonly folder: string;
  /** Title or id. */
  readonly namespace: string;
  /** Only keys that begin with it, as it stands; paths do without it. */
  readonly prefix: string;
}

interface AutoConfig extends MappingPolicy {
  /** Folders under it that no mapping covers become mappings. */
  readonly root: string;
}

export interface RuleConfig {
  /** A pattern in gitignore syntax, matched against keys. For each attribute the last matching rule that sets it decides. */
  readonly match: string;
  readonly ttlSeconds: number | undefined;
  /** Canonical JSON text. */
  readonly metadata: string | undefined;
}

export interface TrashConfig {
  readonly keepMs: DurationMs;
  readonly maxBytes: ByteCount;
}

export interface HookConfig {
  /** A program and its arguments; no shell. */
  readonly run: readonly string[];
  readonly debounceMs: DurationMs;
  readonly timeoutMs: DurationMs;
}

/** What is told of. */
export type NoticeEvent = "held" | "failing" | "conflict" | "recovered" | "backup-old";

export interface NotifyConfig {
  readonly name: string;
  readonly to: NoticeTarget;
  readonly on: ReadonlySet<NoticeEvent>;
  /** What has failed for so long is told of. */
  readonly failingAfterMs: DurationMs;
  /** A backup whose last complete run began longer ago is told of; undefined: it follows from its schedule. */
  readonly backupAgeMs: DurationMs | undefined;
  /** What happens within it is one message. */
  readonly gatherMs: DurationMs;
}

export type NoticeTarget =
  | {
      readonly kind: "webhook";
      /** Who knows it may write there. */
      readonly url: Secret;
      /** Of the URL, for people. */
      readonly host: string;
      /** Undefined: requests are not signed. */
      readonly secret: SecretSource | undefined;
      /** By name, in lower case. */
      readonly headers: ReadonlyMap<string, Secret>;
      readonly timeoutMs: DurationMs;
    }
  | {
      readonly kind: "program";
      /** A program and its arguments; no shell. */
      readonly run: readonly string[];
      readonly timeoutMs: DurationMs;
    };
