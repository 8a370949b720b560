// The JSON Schema of config files, for editors: made from the schema that validates them, so the two cannot differ.

import { toJsonSchema, type JsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "./schema.ts";
import { SCHEMA_ADDRESS } from "./schema-address.ts";

/** The text of config.schema.json. */
export function renderJsonSchema(): string {
  const { $schema: _, ...schema } = toJsonSchema(configSchema, {
    typeMode: "input",
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      // An unknown key is "never" in valibot; in JSON Schema that is a plain false.
      if (valibotSchema.type === "object_with_rest") return { ...jsonSchema, additionalProperties: false };
      return isText(jsonSchema) ? { type: ["string", "number"] } : undefined;
    },
  });
  const head = {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: SCHEMA_ADDRESS,
    title: "kvsync configuration",
  };
  return `${JSON.stringify({ ...head, ...schema }, undefined, 2)}\n`;
}

/** The union that stands for text, which may be written as a number. */
function isText({ anyOf }: JsonSchema): boolean {
  return JSON.stringify(anyOf) === '[{"type":"string"},{"type":"number"}]';
}
