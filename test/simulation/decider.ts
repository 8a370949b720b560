// The person who looks after a mapping: decides a conflict now and then, whichever way, sometimes by what was shown a while ago; and
// pauses the mapping, and resumes it.

import type { DurationMs } from "../../src/core/clock.ts";
import { AppError } from "../../src/core/errors.ts";
import type { MappingLoop } from "../../src/daemon/loop/loop-port.ts";
import type { ConflictLine, Keep } from "../../src/mapping/conflicts/conflict-lines.ts";
import type { Timeline } from "./timeline.ts";

export interface DeciderDeps {
  readonly everyMs: DurationMs;
  readonly chance: () => number;
  readonly timeline: Timeline;
  /** Undefined: it is being restarted. */
  readonly loop: () => MappingLoop | undefined;
  readonly trace: (what: string, key: string) => void;
  readonly onBug: (error: unknown) => void;
}

const KEEPS: readonly Keep[] = ["local", "remote", "both"];
const PAUSE_SHARE = 0.15;
const PAUSE_MS_MAX = 300_000;
const GRACE_MS = 10_000;
/** Between the look at a conflict and the decision about it. */
const THINK_MS_MAX = 120_000;

export class Decider {
  readonly #deps: DeciderDeps;
  #isResting = false;
  decided = 0;
  refused = 0;

  constructor(deps: DeciderDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { timeline, chance, everyMs } = this.#deps;
    timeline.plan(-Math.log(1 - chance()) * everyMs, async () => {
      if (this.#isResting) return;
      if (chance() < PAUSE_SHARE) this.#pause();
      else await this.#look();
      this.start();
    });
  }

  rest(): void {
    this.#isResting = true;
    this.#deps.loop()?.resume();
  }

  #pause(): void {
    const { timeline, chance, loop, onBug } = this.#deps;
    const { clock } = timeline;
    const paused = loop()?.pause({ mapping: "app", since: clock.now(), reason: undefined }, clock.sleep(GRACE_MS));
    paused?.catch(onBug);
    timeline.plan(chance() * PAUSE_MS_MAX, () => loop()?.resume());
  }

  async #look(): Promise<void> {
    const { timeline, chance, loop } = this.#deps;
    const list = await loop()?.conflicts.conflicts(new AbortController().signal);
    const conflict = list?.conflicts[Math.floor(chance() * list.conflicts.length)];
    if (conflict === undefined) return;
    const keep = KEEPS[Math.floor(chance() * KEEPS.length)]!;
    const goesByShown = chance() < 0.5;
    timeline.plan(chance() * THINK_MS_MAX, () => this.#decide(conflict, keep, goesByShown));
  }

  #decide({ key, copy, local, remote }: ConflictLine, keep: Keep, goesByShown: boolean): void {
    const { loop, trace, onBug } = this.#deps;
    const shown = goesByShown
      ? { local: local?.fingerprint ?? undefined, remote: remote?.fingerprint ?? undefined }
      : {};
    loop()
      ?.resolve({ key, copy: copy ?? undefined, keep, ...shown })
      .then(
        ({ done }) => {
          this.decided++;
          trace(`a person decides: ${done}`, key);
        },
        (error: unknown) => {
          if (!(error instanceof AppError)) return onBug(error);
          this.refused++;
          trace(`a person decides in vain: ${error.message}`, key);
        },
      );
  }
}
