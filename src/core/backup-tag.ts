// The tag that says which backup of a config made a snapshot. What a backup forgets goes by it: two backups of one source into one
// repository each have their own rules.

const BEGIN = "backup=";

export function backupTag(name: string): string {
  return `${BEGIN}${name}`;
}

/** Whether it is the tag of some backup. */
export function isBackupTag(tag: string): boolean {
  return tag.startsWith(BEGIN);
}
