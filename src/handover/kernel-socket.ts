import { readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export interface KernelSocket {
  readonly isListening: boolean;
  /** Of a unix socket; as it was bound. */
  readonly path: string | null;
}

const tcpListening = '0A';
/** `__SO_ACCEPTCON` in the flags of proc_net_unix. */
const unixListening = 0x10000;

/** What the kernel says of the socket (proc(5)); null where it is of another network namespace, or there is no /proc. */
export async function kernelSocket(descriptor: number): Promise<KernelSocket | null> {
  const inode = inodeOf(descriptor);
  if (inode === null) return null;
  for (const protocol of ['tcp', 'tcp6']) {
    for (const fields of await tableOf(protocol)) {
      if (fields[9] === inode) return { isListening: fields[3] === tcpListening, path: null };
    }
  }
  for (const fields of await tableOf('unix')) {
    if (fields[6] !== inode) continue;
    const isListening = (Number.parseInt(fields[3] ?? '', 16) & unixListening) !== 0;
    return { isListening, path: fields.slice(7).join(' ') || null };
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

async function tableOf(protocol: string): Promise<string[][]> {
  const table = await readFile(`/proc/self/net/${protocol}`, 'utf8').catch(() => '');
  return table.split('\n').map(line => line.trim().split(/ +/));
}
