// The page's clock and timers: nothing else of it reads the time or waits. Ages are told by the daemon's clock, since that of a phone may
// be minutes off.

/** Daemon's time minus the browser's, in milliseconds. */
let skewMs = 0;

/** `now`: the daemon's, as it has just been told. */
export function setDaemonTime(now: number): void {
  skewMs = now - Date.now();
}

/** Epoch milliseconds, by the daemon's clock. */
export function daemonNow(): number {
  return Date.now() + skewMs;
}

/** Returns what ends it. */
export function every(ms: number, call: () => void): () => void {
  const timer = setInterval(call, ms);
  return () => clearInterval(timer);
}

/** Returns what calls it off. */
export function after(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}
