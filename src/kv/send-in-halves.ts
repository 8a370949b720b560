// Halving what was refused as a whole, down to the items that are to blame.

/** What became of a part of a batch. "done": all of it was acceptable; "over": whatever has become of it is seen to. `refused`:
 * these of its items, of which some are not acceptable. */
export type PartOutcome<Item> = "done" | "over" | { readonly refused: readonly Item[] };

/** Sends `items` with `send`, in halves as far as they are refused: all large parts before small ones, so that what is acceptable
 * is done before what is not is known item by item, wherever it stands. `hasBad`: one of the part is known not to be
 * acceptable, since the other half is, and together they were not; then it is not worth a request as a whole. */
export async function sendInHalves<Item>(
  items: readonly Item[],
  send: (part: readonly Item[], hasBad: boolean) => Promise<PartOutcome<Item>>,
): Promise<void> {
  let pairs: readonly (readonly (readonly Item[])[])[] = [[items]];
  while (pairs.length > 0) {
    const halves: (readonly (readonly Item[])[])[] = [];
    for (const pair of pairs) {
      let hasBad = false;
      for (const part of pair) {
        const outcome: PartOutcome<Item> = await send(part, hasBad);
        hasBad = outcome === "done";
        if (typeof outcome !== "string") halves.push(halvesOf(outcome.refused));
      }
    }
    pairs = halves;
  }
}

function halvesOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}
