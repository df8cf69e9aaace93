import { byHeader, byToken, withoutSyncOfReads } from './jarvis.ts';
import { openBao } from './openbao.ts';
import type { ForeignPeer, Peer } from './peer.ts';
import { rustAncestor } from './rust-ancestor.ts';

export const foreignPeers: readonly ForeignPeer[] = [rustAncestor, openBao];

export interface Chosen {
  readonly measured: readonly Peer[];
  /** Those whose variable is not set. */
  readonly skipped: readonly ForeignPeer[];
}

/** This service, and each foreign peer whose variable holds the path of its program. */
export function choosePeers(environment: Readonly<Record<string, string | undefined>>): Chosen {
  const measured: Peer[] = [byHeader, byToken, withoutSyncOfReads];
  const skipped: ForeignPeer[] = [];
  for (const peer of foreignPeers) {
    const program = environment[peer.variable] ?? '';
    if (program === '') skipped.push(peer);
    else measured.push({ ...peer, start: (folder, secrets) => peer.start(program, folder, secrets) });
  }
  return { measured, skipped };
}
