// Which links the last look at a whole tree met, and what they lead to: so that a change of that, which a watcher tells by the
// path where it happened, is known to be one of the key that leads there.

/** A symbolic link that is followed, or that would be if what it leads to were there. */
export interface Link {
  /** Where the key is that it stands for, or whose keys are below it: from the root. */
  readonly path: string;
  /** Where it leads to in the end: from the root, or absolute if that is elsewhere. */
  readonly target: string;
  /** The links on the way, itself included, from the root. */
  readonly through: readonly string[];
}

export interface LinkIndex {
  /** All that the last look met; undefined if it was not finished, or if there were too many. */
  links(): readonly Link[] | undefined;
  begin(): void;
  add(link: Link): void;
  end(): void;
}

/** About 3 MB. With more, a change of a file may be one of any key. */
const LINKS_KNOWN_MAX = 10_000;

export function openLinkIndex(): LinkIndex {
  let known: Link[] = [];
  let isWhole = false;
  return {
    links: () => (isWhole && known.length <= LINKS_KNOWN_MAX ? known : undefined),
    begin: () => {
      known = [];
      isWhole = false;
    },
    add: (link) => {
      if (known.length <= LINKS_KNOWN_MAX) known.push(link);
    },
    end: () => {
      isWhole = true;
    },
  };
}
