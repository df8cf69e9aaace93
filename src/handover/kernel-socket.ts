import { readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * The path that a unix socket was bound to, as the kernel has it (proc(5)): Node tells it of no socket. Null where the socket has
 * none, or belongs to another network namespace, or where there is no /proc.
 */
export async function boundPath(descriptor: number): Promise<string | null> {
  const inode = inodeOf(descriptor);
  const table = await readFile('/proc/self/net/unix', 'utf8').catch(() => '');
  for (const line of table.split('\n')) {
    // Num RefCount Protocol Flags Type St Inode Path
    const fields = line.trim().split(/ +/);
    if (fields[6] === inode) return fields.slice(7).join(' ') || null;
  }
  return null;
}

function inodeOf(descriptor: number): string | null {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1] ?? null;
  } catch {
    return null;
  }
}
