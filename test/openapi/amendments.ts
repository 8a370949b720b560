// Where Cloudflare's OpenAPI for Workers KV says something other than the API does, and why we go by the API. All that
// the validator lets pass beyond the document is in this file.

export interface OpenApiDocument {
  readonly components: { readonly schemas: Record<string, Schema> };
  readonly paths: Record<string, Record<string, OpenApiOperation>>;
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly parameters: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { required?: boolean; readonly content: Record<string, { schema?: Schema }> };
  readonly responses: Record<string, { readonly content: Record<string, { schema?: Schema }> }>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- a JSON Schema is whatever the document says
type Schema = Record<string, any>;

interface Amendment {
  readonly reason: string;
  apply(document: OpenApiDocument): void;
}

const amendments: readonly Amendment[] = [
  {
    reason: "the API-wide rate limit answers code 971, below the least code (1000) that the schema knows",
    apply: ({ components }) => {
      components.schemas["workers-kv_messages"]!["items"].properties.code.minimum = 900;
    },
  },
  {
    reason:
      "`errors` of a failure is an array with `minLength: 1`, which means nothing for an array: `minItems` is meant",
    apply: ({ components }) => {
      components.schemas["workers-kv_api-response-common-failure"]!["properties"].errors.minItems = 1;
    },
  },
  {
    reason: "4XX of the bulk calls is built on the success envelope (`success: true`), which no failure has",
    apply: (document) => {
      for (const operation of operationsOf(document)) {
        const failure = operation.responses["4XX"]?.content["application/json"];
        if (failure !== undefined)
          failure.schema = { $ref: "#/components/schemas/workers-kv_api-response-common-failure" };
      }
    },
  },
  {
    reason: "bulk get answers null for a missing key and, for type json, arrays: the schema lists neither",
    apply: ({ components }) => {
      const value = components.schemas["workers-kv_bulk-get-result"]!["properties"].values.additionalProperties;
      value.oneOf.push({ type: "array", items: {} }, { enum: [null] });
    },
  },
  {
    reason:
      "an answer of bulk get with metadata also is one without (any object is a value), so that `oneOf` never holds",
    apply: ({ paths }) => {
      const answer =
        paths["/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk/get"]!["post"]!.responses["200"]!;
      const own = answer.content["application/json"]!.schema!["allOf"][1].properties.result;
      own.anyOf = own.oneOf;
      delete own.oneOf;
    },
  },
  {
    reason: "DELETE of a namespace and of a key requires a JSON body, which no client sends",
    apply: (document) => {
      for (const { requestBody } of operationsOf(document)) {
        const body = requestBody?.content["application/json"];
        if (requestBody !== undefined && body !== undefined && body.schema === undefined) requestBody.required = false;
      }
    },
  },
  {
    reason: "`limit` below 10 is taken by KV's Worker binding, and by this server",
    apply: (document) => {
      for (const { parameters } of operationsOf(document)) {
        for (const { name, schema } of parameters) if (name === "limit") schema["minimum"] = 1;
      }
    },
  },
];

/** Query arguments that real clients send empty (`prefix=`, `cursor=`), and that then count as not given. */
export function isAbsentArgument(value: string): boolean {
  return value === "";
}

/** Changes `document` to what the API does. */
export function amend(document: OpenApiDocument): OpenApiDocument {
  for (const amendment of amendments) amendment.apply(document);
  return document;
}

function operationsOf({ paths }: OpenApiDocument): OpenApiOperation[] {
  return Object.values(paths).flatMap((methods) => Object.values(methods));
}
