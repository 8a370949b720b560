// The keys that requests to object storage are signed with: from the repository's entry in the config, or from the environment.

import type { S3Credentials } from "../../config/config.ts";
import { type ReadFile, readSecret, Secret } from "../../config/secret.ts";
import type { Environment } from "../../config/yaml-source.ts";
import { AppError } from "../../core/errors.ts";

export interface S3Keys {
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  /** Of keys that are good for some hours only. */
  readonly sessionToken: Secret | undefined;
}

/** Throws AppError "unauthorized" if there are none. `label`: of the repository. */
export function readS3Keys(
  credentials: S3Credentials,
  { label, env, readFile }: { readonly label: string; readonly env: Environment; readonly readFile: ReadFile },
): S3Keys {
  if (credentials.kind === "given") {
    const read = (key: "accessKeyId" | "secretAccessKey", noun: string, instead: string): Secret =>
      readSecret(
        credentials[key],
        `the ${noun} of repository "${label}"`,
        readFile,
        `${instead}: \${AWS_${instead.toUpperCase()}}`,
      );
    return {
      accessKeyId: read("accessKeyId", "access key id", "access_key_id"),
      secretAccessKey: read("secretAccessKey", "secret access key", "secret_access_key"),
      sessionToken: undefined,
    };
  }
  const [id, secret, token] = [env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"]];
  if (id && secret) {
    return {
      accessKeyId: new Secret(id),
      secretAccessKey: new Secret(secret),
      sessionToken: token ? new Secret(token) : undefined,
    };
  }
  throw new AppError(
    "unauthorized",
    `there are no keys for ${label}: ${id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID"} is not set`,
    {
      hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access_key_id_file and secret_access_key_file in the config",
    },
  );
}
