// JSON that is safe to look at.

/** `json` with the characters escaped that JSON allows as they are and that a terminal acts on. It means the same. */
export function printableJson(json: string): string {
  return json.replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
