// What every answer of the status page tells the browser: only the page's own files run, nobody frames it, nothing is kept, and no
// address of it is told to others.

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** A form on a page that tells no referrer is posted with `Origin: null`, which is no proof of where it comes from. With this it is told,
 * to the page's own server alone. */
export const FORM_HEADERS: Readonly<Record<string, string>> = { "referrer-policy": "same-origin" };
