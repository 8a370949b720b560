// `npm run schema`: writes config.schema.json, which a test holds to be what the schema says.

import { writeFileSync } from "node:fs";
import { renderJsonSchema } from "./json-schema.ts";

writeFileSync(new URL("../../config.schema.json", import.meta.url), renderJsonSchema());
