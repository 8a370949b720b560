// Ids of snapshots as people are shown them, and may type them.

const SHORT_ID_CHARS = 8;

export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_CHARS);
}
