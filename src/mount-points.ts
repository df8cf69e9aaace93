import { readFileSync } from 'node:fs';

/** Where file systems are mounted: the fifth field of proc(5), mountinfo. Empty where the system has no such file. */
export function mountPoints(): string[] {
  let table: string;
  try {
    table = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return [];
  }
  return table.split('\n').map(line => unescaped(line.split(' ')[4] ?? ''));
}

/** Blanks and the like are octal escapes. */
function unescaped(point: string): string {
  return point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
