// A migration: its phase, its age, how far it is, and what the last comparison of both sides said.

import type { MigrationStatus } from "./contract.ts";
import { h, type Shape } from "./dom.ts";
import { name } from "./words.ts";

export function migrationCard({ name: migration, state }: MigrationStatus): Shape {
  return h("section", { key: migration, class: "card" }, h("h2", null, name(migration)), h("p", null, state));
}
