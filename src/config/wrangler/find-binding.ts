// A binding of wrangler's config by its name: the namespace that it is, and of which account.

import { AppError, visible } from "../../core/errors.ts";
import { closestName } from "../closest-name.ts";
import type { WranglerBinding, WranglerConfig, WranglerEnvironment } from "./parse-wrangler-config.ts";

export interface BoundNamespace {
  readonly id: string;
  /** As wrangler's config has it; undefined: it does not say. */
  readonly accountId: string | undefined;
}

/** `name`: `BINDING` of the default environment, or `ENV:BINDING`. Throws AppError "location-invalid". */
export function findBinding(config: WranglerConfig, name: string): BoundNamespace {
  const colon = name.lastIndexOf(":");
  const environmentName = colon === -1 ? undefined : name.slice(0, colon);
  const environment = environmentName === undefined ? config : environmentOf(config, environmentName);
  const wanted = name.slice(colon + 1);
  const where =
    environmentName === undefined ? config.file : `environment "${visible(environmentName)}" of ${config.file}`;
  const found = environment.bindings.find(({ binding }) => binding === wanted);
  if (found === undefined) throw noBinding(config, { environment, wanted, where });
  if (found.id === undefined) throw noId(found, where);
  return { id: found.id, accountId: environment.accountId };
}

/** Throws AppError "location-invalid" if there is none of that name. */
export function environmentOf({ environments, file }: WranglerConfig, name: string): WranglerEnvironment {
  const found = environments.get(name);
  if (found !== undefined) return found;
  const names = [...environments.keys()].map(visible);
  throw new AppError("location-invalid", `${file} has no environment "${visible(name)}"`, {
    hint:
      names.length === 0
        ? "it has none: write wrangler:BINDING"
        : `its environments are: ${names.join(", ")}; a binding of none of them is wrangler:BINDING`,
  });
}

interface Lookup {
  readonly environment: WranglerEnvironment;
  readonly wanted: string;
  readonly where: string;
}

function noBinding(config: WranglerConfig, { environment, wanted, where }: Lookup): AppError {
  const message = `${where} has no binding "${visible(wanted)}" under kv_namespaces`;
  const names = environment.bindings.map(({ binding }) => binding);
  const meant = closestName(wanted, names);
  const elsewhere = [...config.environments].find(([, { bindings }]) =>
    bindings.some(({ binding }) => binding === wanted),
  )?.[0];
  const isDefault = environment !== config && config.bindings.some(({ binding }) => binding === wanted);
  const there = names.length === 0 ? "there are no bindings" : `the bindings are: ${names.map(visible).join(", ")}`;
  const hints = meant === undefined ? [there] : [`did you mean "${visible(meant)}"?`];
  // The commonest slip: wrangler's environments do not inherit bindings.
  if (isDefault)
    hints.push(`the default environment has it, and others do not inherit it: wrangler:${visible(wanted)}`);
  else if (elsewhere !== undefined)
    hints.push(`an environment has it: wrangler:${visible(elsewhere)}:${visible(wanted)}`);
  return new AppError("location-invalid", message, { hint: hints.join("; ") });
}

function noId({ binding, previewId }: WranglerBinding, where: string): AppError {
  const why =
    previewId === undefined
      ? "wrangler makes such a namespace itself when it deploys"
      : "its preview_id is not used: it is the namespace of wrangler dev --remote";
  return new AppError("location-invalid", `the binding "${visible(binding)}" in ${where} has no id: ${why}`, {
    hint:
      previewId === undefined
        ? "kvsync namespace list shows the namespaces of an account; write its id there, or name it here: ACCOUNT:NAMESPACE"
        : `write an id there, or name the namespace here: ACCOUNT:${visible(previewId)}`,
  });
}
