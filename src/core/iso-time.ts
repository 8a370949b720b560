// A time as ISO 8601 has it.

/** `2027-01-31T12:00:00.000Z`. What lies beyond every calendar, as an expiration can, is the number itself. `at`: milliseconds since 1970. */
export function isoTime(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
