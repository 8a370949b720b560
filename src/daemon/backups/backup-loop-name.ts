// What the loop of a backup is called among those that show signs of life; that of a mapping is called as the mapping is, whose name has no space.

export function backupLoopName(backup: string): string {
  return `backup ${backup}`;
}
