// How a repository of backups is written in a config file.

import * as v from "valibot";
import { flag, group, text } from "./field.ts";

export const repository = group("A repository of backups, which kvsync backup, restore and others know by its name.", {
  store: text(
    "Where it is: a folder, or s3://BUCKET/PREFIX for one in object storage (R2, S3 and what speaks its API). Relative folders are beside this file.",
  ),
  endpoint: v.optional(
    text(
      "Of object storage: its URL, as https://ACCOUNT_ID.r2.cloudflarestorage.com. Default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL of the environment, or else the one of AWS in the region.",
    ),
  ),
  region: v.optional(
    text(
      "Of object storage. Default: AWS_REGION or AWS_DEFAULT_REGION of the environment, or else auto, which R2 takes.",
    ),
  ),
  access_key_id: v.optional(text("Of object storage. Default: AWS_ACCESS_KEY_ID of the environment.")),
  access_key_id_file: v.optional(text("A file that holds the access key id.")),
  secret_access_key: v.optional(
    text(
      "Of object storage. Default: AWS_SECRET_ACCESS_KEY of the environment, with AWS_SESSION_TOKEN if that is set.",
    ),
  ),
  secret_access_key_file: v.optional(text("A file that holds the secret access key, such as a systemd credential.")),
  passphrase: v.optional(
    text("What the repository is encrypted under. Better taken from the environment or a file: ${BACKUP_PASSPHRASE}."),
  ),
  passphrase_file: v.optional(
    text(
      "A file that holds the passphrase, such as a systemd credential; a line end at its end is not part of it. Default: KVSYNC_PASSPHRASE_FILE or KVSYNC_PASSPHRASE of the environment, the systemd credential kvsync-passphrase, or a question on the terminal.",
    ),
  ),
  insecure: v.optional(flag("Use object storage over plain http on another machine. Default: false.")),
});

export type RawRepository = v.InferOutput<typeof repository>;
