import type { ChainPosition } from './chain.ts';
import type { PendingLines } from './pending-lines.ts';
import type { LogSettings } from './settings.ts';
import {
  type CommitCount,
  checkpoint,
  checkpointMessage,
  commitsMessage,
  proof,
  proofMessage,
} from './structure.ts';

const intervalMilliseconds = 1000;

/** Proves each write, signs the chain at most once a second while it grows, and has the vault note how far it went. */
export class Checkpoints {
  readonly #settings: LogSettings;
  readonly #vaultId: string;
  readonly #lines: PendingLines;
  #signedSeq = 0;
  #timer: NodeJS.Timeout | undefined;
  #noting: Promise<void> = Promise.resolve();

  constructor(settings: LogSettings, vaultId: string, lines: PendingLines) {
    this.#settings = settings;
    this.#vaultId = vaultId;
    this.#lines = lines;
  }

  /** Whether records follow the last checkpoint. */
  get due(): boolean {
    return this.#lines.tip.seq > this.#signedSeq;
  }

  /** Adds a checkpoint over everything up to now. */
  sign(): void {
    const signature = this.#settings.sign(checkpointMessage(this.#vaultId, this.#lines.tip));
    this.#signedSeq = this.#lines.add(checkpoint(signature, this.#count())).seq;
  }

  #count(): CommitCount | null {
    const { prove, registry } = this.#settings;
    const commits = registry.sealedCommits();
    if (commits === null) return null;
    return { commits, tag: prove(commitsMessage(this.#vaultId, this.#lines.tip, commits)) };
  }

  /** Ends what is about to be written with a proof, unless a checkpoint ends it already. */
  prove(): void {
    if (!this.due) return;
    this.#lines.add(proof(this.#settings.prove(proofMessage(this.#vaultId, this.#lines.tip))));
  }

  /** Runs `sign` in a second if records still wait for it then. */
  arm(sign: () => void): void {
    if (this.#timer !== undefined || !this.due) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.due) sign();
    }, intervalMilliseconds).unref();
  }

  disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Forgets checkpoints after `position`. */
  rewind(position: ChainPosition): void {
    this.disarm();
    this.#signedSeq = Math.min(this.#signedSeq, position.seq);
  }

  /** The store tells of its own failures; a position that it could not note is passed by the next one. */
  note(position: ChainPosition): void {
    this.#noting = this.#settings.registry.noteAudit(position).catch(() => undefined);
  }

  /** Resolves when the last note has been taken or refused. */
  get noted(): Promise<void> {
    return this.#noting;
  }
}
