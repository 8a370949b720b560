// Letting others run between pages of synchronous work. No time passes for a Clock in this.

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
