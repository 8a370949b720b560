// Numbers for people: `10,000`, `1 key`.

export function number(value: number): string {
  return value.toLocaleString("en-US");
}

export function counted(amount: number, noun: string): string {
  return `${number(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}
