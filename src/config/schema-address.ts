// Where editors find the JSON Schema of config files, wherever kvsync is installed.

export const SCHEMA_ADDRESS = "https://raw.githubusercontent.com/kvsync/kvsync/main/config.schema.json";

/** The line by which an editor's YAML language server finds it. */
export function schemaLine(address: string): string {
  return `# yaml-language-server: $schema=${address}`;
}
