// Secrets that the process knows, and text without them. Whoever learns a secret hides it here; whatever leaves the process
// as a message, a log, a record or an answer goes through `redact` at its very edge, so that it does not matter which field
// of the config a token was put into, nor which message quotes it. Values of keys are data, and never pass here.

/** What is shorter may be any word. */
const LENGTH_MIN = 8;
const SHOWN = "[secret]";

/** What is sent out instead of what, as patterns; for the life of the process. */
const forms = new Set<string>();
let pattern: RegExp | undefined;

/** From now on `secret` is in no text that {@link redact} has seen: as it is, in base64 at any place, in a URL. */
export function hideSecret(secret: string): void {
  const value = secret.trim();
  // Digits alone are a number, which in JSON stands without quotes.
  if (value.length < LENGTH_MIN || /^\d+$/.test(value) || forms.has(value)) return;
  for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), ...base64Forms(value)])
    forms.add(form);
  const longestFirst = [...forms].toSorted((a, b) => b.length - a.length);
  pattern = new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join("|"), "g");
}

/** Hides what the variable `name` of the environment holds, if its name or its look says that it is a secret. */
export function hideVariable(name: string, value: string): void {
  if (SECRET_NAME.test(name) || looksLikeToken(value)) hideSecret(value);
}

/** Whether `text` has the look of a token: longer than any id, of letters and digits. */
export function looksLikeToken(text: string): boolean {
  return /^[\w.~+=-]{36,}$/.test(text) && /\d/.test(text) && /[a-z]/i.test(text) && !UUID.test(text);
}

const SECRET_NAME = /tok|key|secret|pass|auth|cred|private/i;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function redact(text: string): string {
  return pattern === undefined ? text : text.replace(pattern, SHOWN);
}

/** What of `value` shows in the base64 of a text around it, which depends on where it begins in that. */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const [start, end] = [Math.ceil((before * 4) / 3), Math.floor((whole.byteLength * 4) / 3)];
    const encoded = whole.toString("base64").slice(start, end);
    return encoded.length < LENGTH_MIN ? [] : [encoded, encoded.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
