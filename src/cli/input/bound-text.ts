// `wrangler:BINDING` where a command takes an account and a namespace as text: what it stands for, as ACCOUNT:ID.

import { readTextFile } from "../../config/read-file.ts";
import { parseNamespaceLocation } from "../../mapping/location.ts";
import { resolveWranglerLocation } from "../../mapping/wrangler-location.ts";
import type { Context } from "../context.ts";

/** `text`, where it is no binding. Throws AppError as {@link resolveWranglerLocation} does. */
export async function boundText(context: Context, text: string): Promise<string> {
  if (!text.startsWith("wrangler:")) return text;
  const location = parseNamespaceLocation(text);
  const deps = { config: await context.config(), cwd: context.cwd, readFile: readTextFile };
  const bound = await resolveWranglerLocation(deps, location);
  if (bound === location) return text;
  const { name } = await context.account(bound.account);
  return `${name}:${bound.namespace}${bound.prefix === "" ? "" : `/${bound.prefix}`}`;
}
