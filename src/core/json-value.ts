// A JSON value, as metadata and answers of the API hold it.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
