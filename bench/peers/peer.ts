import type { LoadRequest } from '../load.ts';
import type { BenchServer } from '../processes.ts';

/** What an answer stands for, in words: as the peer's source has it, with the configuration that is measured. */
export interface Guarantees {
  readonly atRest: string;
  /** What has happened by the time that a write is answered. */
  readonly write: string;
  /** What has happened to the audit record by the time that a read is answered. */
  readonly audit: string;
  readonly auditIntegrity: string;
  readonly policy: string;
}

/** A peer at work, on loopback and in a folder of its own. */
export interface PeerServer extends BenchServer {
  readonly version: string;
  /** Reads one secret. */
  readonly read: LoadRequest;
  /** Creates a secret of another name each time. */
  readonly write: LoadRequest;
}

interface Described {
  readonly name: string;
  /** How a request says who asks. */
  readonly identity: 'header' | 'token';
  /** How many secrets are to be there, beside the one that is read; it is measured at each. */
  readonly sizes: readonly number[];
  readonly guarantees: Guarantees;
}

export interface Peer extends Described {
  /** @param secrets one of `sizes` */
  start(folder: string, secrets: number): Promise<PeerServer>;
}

/** A peer whose program the checkout does not have. */
export interface ForeignPeer extends Described {
  /** The environment variable that holds the path of its program. */
  readonly variable: string;
  /** What the variable must point at. */
  readonly program: string;
  start(program: string, folder: string, secrets: number): Promise<PeerServer>;
}
