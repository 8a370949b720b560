// A second thread that creates files while this one receives, decodes and hashes the next ones: on two cores a first pull
// over loopback takes two thirds of the time. (20,000 keys 50 or 200 ms away: 0 to 7 % less, within what runs differ by, and 25 MB
// more memory: npm run bench -- latency.) Starting it takes 40 ms, so that it is only started by a run that writes many; until it
// runs, this thread creates the files itself.

import { Worker } from "node:worker_threads";
import type { ByteCount } from "../../../core/clock.ts";
import { createFiles, type CreatedFiles, type NewFiles } from "./new-files.ts";
import {
  allocateBatch,
  hasRoomFor,
  type PackedAnswer,
  packFiles,
  type SharedBatch,
  sizeOf,
  unpackAnswer,
} from "./packed-files.ts";

/** A run that creates more files than this has a second thread. */
const OWN_FILES_MAX = 300;
/** Room for a usual batch: what is larger gets memory of its own. */
const BATCH_BYTES: ByteCount = 1024 * 1024;
const BATCH_FILES = 512;
/** Batches whose memory is kept: as many as are under way, two groups of folders (write-new-folders.ts). */
const SPARE_MAX = 8;
/** In dist/ it is a file of its own beside the one that this is in (build.js). */
const WORKER = new URL(import.meta.url.endsWith(".ts") ? "./file-worker.ts" : "./file-worker.js", import.meta.url);

interface Waiting {
  readonly resolve: (answer: PackedAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** To be closed. Batches are carried out in the order in which they come. */
export class FileThread {
  #worker: Worker | undefined;
  #isRunning = false;
  #failure: { readonly error: unknown } | undefined;
  #created = 0;
  readonly #waiting: Waiting[] = [];
  readonly #spare: SharedBatch[] = [];

  readonly #mayStart: boolean;

  /** `mayStart`: whether there is to be a second thread at all. */
  constructor(mayStart: boolean) {
    this.#mayStart = mayStart;
  }

  /** Like {@link createFiles}; the bytes may be used again at once. Rejects also with what ended the thread. */
  async create(files: NewFiles): Promise<CreatedFiles> {
    this.#created += files.names.length;
    if (this.#mayStart && this.#created > OWN_FILES_MAX) this.#worker ??= this.#start();
    if (this.#worker === undefined || !this.#isRunning) return createFiles(files);
    if (this.#failure !== undefined) throw this.#failure.error;
    const packed = packFiles(files, this.#obtain(files));
    const answered = new Promise<PackedAnswer>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    this.#worker.postMessage(packed);
    const created = unpackAnswer(await answered, packed);
    if (this.#spare.length < SPARE_MAX) this.#spare.push(packed.batch);
    return created;
  }

  #obtain(files: NewFiles): SharedBatch {
    const at = this.#spare.findIndex((batch) => hasRoomFor(batch, files));
    const [spare] = at < 0 ? [] : this.#spare.splice(at, 1);
    return spare ?? allocateBatch(Math.max(sizeOf(files), BATCH_BYTES), Math.max(files.names.length, BATCH_FILES));
  }

  /** Whether the second thread creates the files now. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    // Descriptors opened there are closed here; Node would close them once more when the thread ends, whatever they are by then.
    const worker = new Worker(WORKER, { trackUnmanagedFds: false });
    worker.once("online", () => {
      this.#isRunning = true;
    });
    worker.on("message", (answer: PackedAnswer) => this.#waiting.shift()?.resolve(answer));
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => this.#fail(new Error("the thread that creates files has ended")));
    return worker;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure.error);
  }
}
