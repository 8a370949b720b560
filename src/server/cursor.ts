// Cursors of key listings: the position and nothing else, so that they need no memory, never expire, and outlive the
// key they stand on.
//
// A cursor also carries a number that makes it differ from the one before when the position is the same, as after an
// empty page: a client may take a repeated cursor for a broken listing.

const MARK = 0x6b;
const pattern = /^[A-Za-z0-9_-]+$/;

export interface Position {
  /** The listing goes on after this key; "" is its start. */
  readonly after: string;
  /** 0 to 255. */
  readonly turn: number;
}

export const start: Position = { after: "", turn: 0 };

export function encodeCursor({ after, turn }: Position): string {
  return Buffer.concat([Buffer.of(MARK, turn), Buffer.from(after)]).toString("base64url");
}

/** Undefined: no cursor that {@link encodeCursor} made. */
export function decodeCursor(text: string): Position | undefined {
  if (!pattern.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  const position = { after: bytes.toString("utf8", 2), turn: bytes[1] ?? 0 };
  return bytes[0] === MARK && encodeCursor(position) === text ? position : undefined;
}
