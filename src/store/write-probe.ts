import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { errorMessage, systemErrorCode } from '../errors.ts';
import { StoreError } from './store.ts';

/** A write that succeeded within this time is proof enough, so that probes cost the disk little. Milliseconds. */
const freshness = 5000;
/** Room that a change needs. The write-ahead log may have room of its own left when the disk has none. */
const room = new Uint8Array(64 * 1024).fill(0x5a);
const noRoom: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** Finds out whether the vault can be written: by a file that is gone again at once, and by a durable commit. */
export class WriteProbe {
  readonly #file: string;
  readonly #touch: () => Promise<void>;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | null = null;

  /** @param touch commits a change of no meaning */
  constructor(vaultPath: string, touch: () => Promise<void>) {
    this.#file = `${vaultPath}.probe`;
    this.#touch = touch;
  }

  /** To be told of every batch of writes. */
  batchDone(isDurable: boolean): void {
    this.#writtenAt = isDurable ? performance.now() : Number.NEGATIVE_INFINITY;
  }

  /** Joins a probe that is under way. @throws StoreError */
  run(): Promise<void> {
    if (performance.now() - this.#writtenAt < freshness) return Promise.resolve();
    this.#underWay ??= this.#write().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  async #write(): Promise<void> {
    try {
      await this.#takeRoom();
    } catch (error) {
      const failure = noRoom.includes(systemErrorCode(error)) ? 'full' : 'failed';
      throw new StoreError(failure, `the folder of the vault cannot be written: ${errorMessage(error)}`, {
        cause: error,
      });
    }
    await this.#touch();
  }

  /** Not synced: the system reserves the room when the data is written, and need not bring it to the disk. */
  async #takeRoom(): Promise<void> {
    const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
    try {
      const file = await open(this.#file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
      try {
        await file.writeFile(room);
      } finally {
        await file.close();
      }
    } finally {
      await rm(this.#file, { force: true });
    }
  }
}
