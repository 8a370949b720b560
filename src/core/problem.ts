// A problem: one key or file could not be handled. It is collected and reported, and everything else goes on.

/** The closed catalogue of problems; each has a row in README.md. */
export type ProblemCode =
  | "value-too-large" // over 25 MiB
  | "metadata-too-large" // over 1,024 bytes
  | "metadata-invalid" // a sidecar that cannot be read as one
  | "key-invalid" // a file whose path makes no legal key, or a key outside the mapping
  | "name-not-utf8" // a file name that is not UTF-8
  | "name-reserved" // a file name in the form of one of our own, but not one
  | "name-collision" // two files for one key, or two keys for one file (case-insensitive file systems)
  | "names-alike" // two keys, or folders of keys, that differ only in case or Unicode form: synced, and told
  | "not-a-file" // symbolic link, socket, FIFO or device: skipped
  | "unreadable" // the file or folder could not be opened
  | "changed-while-reading" // the file changed or vanished: wait for the next round
  | "still-written" // the file is being written: it is looked at again when it may be at rest
  | "changed-on-disk" // the target of a write is not what was scanned
  | "write-failed" // the file system refused (full, read-only, name too long, ...)
  | "stale-read" // a value whose hash is not what its listing says
  | "vanished" // a key that was listed but is no longer there
  | "expired" // its expiration has passed or is less than 60 s away: not rewritten
  | "rejected" // the API refused this key
  | "outdated" // in a saved plan, and not as it was when that was made
  | "differs" // a drill brought it back otherwise than the snapshot has it
  | "unconfirmed"; // the API did not say that the key was written or deleted, and looking did not tell

export interface Problem {
  readonly code: ProblemCode;
  /** The key or, where there is no key, the path; as it is, not escaped for display. */
  readonly subject: string;
  /** In lower case, without the subject: "is 26214401 bytes; a value has at most 26214400". */
  readonly message: string;
  /** How many keys it is about, where that is more than one: a page of a snapshot is lost. */
  readonly keys?: number;
  /** False: reported once as a note, and no failure ("not-a-file"). */
  readonly failure: boolean;
}

export function problem(code: ProblemCode, subject: string, message: string): Problem {
  return { code, subject, message, failure: true };
}

/** How many keys failed. */
export function failedKeys({ failure, keys = 1 }: Problem): number {
  return failure ? keys : 0;
}

/** KV shows this key as it was before, when something newer has been seen of it. */
export function staleRead(key: string): Problem {
  return problem("stale-read", key, "reads as it was before it was changed: KV is not up to date yet");
}

export function contested(key: string): Problem {
  const message = "was changed more than once within the settle window: which version is the newer one is not sure yet";
  return problem("stale-read", key, message);
}

/** A problem that is worth a line, but does not make the run incomplete. */
export function notice(code: ProblemCode, subject: string, message: string): Problem {
  return { code, subject, message, failure: false };
}
