// Where one is on the page: the part of the address after `#`. It can be kept as a bookmark, sent to somebody, and gone back from.

const SCREENS = ["mappings", "mapping", "conflicts", "conflict", "history", "trash", "backups", "accounts"] as const;

export type ScreenName = (typeof SCREENS)[number];

export interface Route {
  readonly screen: ScreenName;
  readonly query: Readonly<Record<string, string>>;
}

/** Whatever it says: what is no place is the first one. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const screen = SCREENS.find((known) => known === path) ?? "mappings";
  return { screen, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** Without what is empty. */
export function hrefOf(screen: ScreenName, query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "",
  );
  const text = new URLSearchParams(given).toString();
  return `#/${screen}${text === "" ? "" : `?${text}`}`;
}
