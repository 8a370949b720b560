// A config of kvsync made of wrangler's: a mapping for each namespace that a Worker is bound to. They pull, which changes no namespace,
// until a person says otherwise.

import { AppError, visible } from "../../core/errors.ts";
import { SCHEMA_ADDRESS, schemaLine } from "../schema-address.ts";
import { environmentOf } from "./find-binding.ts";
import type { WranglerBinding, WranglerConfig } from "./parse-wrangler-config.ts";

export interface RenderedMappings {
  readonly text: string;
  /** Bindings that became mappings. */
  readonly names: readonly string[];
}

const ACCOUNT = "cloudflare";

/** `environment`: its bindings become mappings; undefined: those of the default one. Throws AppError "location-invalid" for an environment
 * that is not there, "config-missing" where no binding has an id. */
export function renderMappings(config: WranglerConfig, environment: string | undefined): RenderedMappings {
  const { accountId, bindings } = environment === undefined ? config : environmentOf(config, environment);
  const { mapped, others } = sortOut(bindings);
  if (mapped.length === 0) throw noneWithId(config, environment);
  const where = environment === undefined ? "" : `, environment ${visible(environment)}`;
  const lines = [
    schemaLine(SCHEMA_ADDRESS),
    "#",
    `# The namespaces of ${config.file}${where}. Mappings that pull write files and change no namespace: once`,
    "# the files are what you want to edit, change mode to push, or to two-way. config.example.yaml, which comes with kvsync, shows all keys.",
    "state_dir: ./.kvsync",
    "",
    "accounts:",
    `  ${ACCOUNT}:`,
    `    account_id: ${accountId === undefined ? "${CLOUDFLARE_ACCOUNT_ID}" : quoted(accountId)}`,
    "    api_token: ${CLOUDFLARE_API_TOKEN} # with the permission Workers KV Storage: Edit",
    "",
    "# Each mapping has a folder of its name in it.",
    "root: ./kv",
    "",
    "mappings:",
    ...mapped.flatMap(({ name, id }) => [
      `  ${quoted(name)}:`,
      `    account: ${ACCOUNT}`,
      `    namespace: ${quoted(id)}`,
      "    mode: pull",
    ]),
    ...others.map((line) => `  # ${line}`),
    ...restOf(config, environment),
  ];
  return { text: `${lines.join("\n")}\n`, names: mapped.map(({ name }) => name) };
}

interface Mapped {
  readonly name: string;
  readonly binding: string;
  readonly id: string;
}

/** A namespace is mapped once: two mappings over the same keys would fight. */
function sortOut(bindings: readonly WranglerBinding[]): {
  readonly mapped: readonly Mapped[];
  readonly others: readonly string[];
} {
  const mapped: Mapped[] = [];
  const others: string[] = [];
  for (const { binding, id } of bindings) {
    const shown = visible(binding);
    const same = mapped.find((other) => other.id === id || other.binding === binding);
    if (id === undefined) others.push(`${shown} has no id: wrangler makes its namespace when it deploys`);
    else if (same === undefined) mapped.push({ name: freeName(binding, mapped), binding, id });
    else if (same.id === id) others.push(`${shown} is the same namespace as ${visible(same.binding)}`);
    else others.push(`${shown} is there twice, the second time with the id ${visible(id)}`);
  }
  return { mapped, others };
}

/** The binding's own name, where a mapping may have it. */
function freeName(binding: string, taken: readonly Mapped[]): string {
  const wanted = nameOf(binding);
  let free = wanted;
  for (let number = 2; taken.some(({ name }) => name === free); number++) free = `${wanted}-${number}`;
  return free;
}

function nameOf(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._-]/g, "_").replace(/^[^A-Za-z0-9]+/, "") || "kv";
}

/** The other environments, to be taken out of their comments. */
function restOf(config: WranglerConfig, environment: string | undefined): readonly string[] {
  const all = [...(environment === undefined ? [] : [["", config] as const]), ...config.environments];
  return all.flatMap(([name, { accountId, bindings }]) => {
    const usable = bindings.filter(({ id }) => id !== undefined);
    if (name === environment || usable.length === 0) return [];
    const option = name === "" ? "" : ` --env ${visible(name)}`;
    const title = name === "" ? "The default environment" : `Environment ${visible(name)}`;
    const account = accountId === undefined ? "" : `, account ${visible(accountId)}`;
    return [
      "",
      `  # ${title}${account} (kvsync init --from-wrangler${option} writes it as the mappings):`,
      ...usable.map(
        ({ binding, id }) =>
          `  # ${quoted(nameOf(`${name === "" ? "default" : name}-${binding}`))}: { account: ${ACCOUNT}, namespace: ${quoted(id!)}, mode: pull }`,
      ),
    ];
  });
}

/** As YAML has it, on one line: plain where it cannot be read otherwise. `${` would be a reference to the environment. */
function quoted(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9_-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)) return text;
  return JSON.stringify(text).replaceAll("${", () => "$${");
}

function noneWithId({ file, environments }: WranglerConfig, environment: string | undefined): AppError {
  const where =
    environment === undefined
      ? `${file} has no binding`
      : `environment ${visible(environment)} of ${file} has no binding`;
  const others = [...environments].filter(([, { bindings }]) => bindings.some(({ id }) => id !== undefined));
  const [other] = others.map(([name]) => visible(name));
  return new AppError("config-missing", `${where} under kv_namespaces with an id`, {
    hint:
      other === undefined || environment !== undefined
        ? "kvsync namespace list shows the namespaces of an account; kvsync init writes a config without them"
        : `an environment has some: kvsync init --from-wrangler --env ${other}`,
  });
}
