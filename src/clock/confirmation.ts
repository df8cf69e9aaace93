import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { systemErrorCode } from '../errors.ts';

/** A confirmation is for the clock as it was then. Milliseconds. */
const validity = 60_000;
const mostBytes = 200;

/** What an operator says: the wall clock read this, and was right. */
export interface Confirmation {
  /** Milliseconds since the epoch. */
  readonly confirmedAt: number;
  /** The user who ran the command. */
  readonly by: string;
}

/** The operator who runs this process. */
export function confirmationNow(): Confirmation {
  return { confirmedAt: Date.now(), by: userName() };
}

/**
 * Hands a confirmation from the command line to the running service: a file next to the vault, where only the user of the
 * service may write.
 */
export class ConfirmationFile {
  readonly path: string;

  constructor(vaultPath: string) {
    this.path = `${vaultPath}.clock-confirmed`;
  }

  /** @throws the system's error */
  write({ confirmedAt, by }: Confirmation): void {
    this.remove();
    writeFileSync(this.path, `${confirmedAt} ${by}\n`, { flag: 'wx', mode: 0o600 });
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  /**
   * Null where there is none; `unusable` for one that is too old, or that is no confirmation.
   * @param wall what the wall clock reads, in milliseconds since the epoch
   * @throws the system's error
   */
  read(wall: number): Confirmation | 'unusable' | null {
    const text = this.#text();
    if (text === null) return null;
    const [, confirmedAt, by] = /^([0-9]{1,15}) ([\x21-\x7e]{1,64})\n$/.exec(text) ?? [];
    if (confirmedAt === undefined || by === undefined) return 'unusable';
    return Math.abs(wall - Number(confirmedAt)) > validity
      ? 'unusable'
      : { confirmedAt: Number(confirmedAt), by };
  }

  #text(): string | null {
    let file: number;
    try {
      file = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return null;
      throw error;
    }
    try {
      const stats = fstatSync(file);
      return stats.isFile() && stats.size <= mostBytes ? readFileSync(file, 'latin1') : '';
    } finally {
      closeSync(file);
    }
  }
}

/** A container may have no entry for the user. */
function userName(): string {
  try {
    return (
      userInfo()
        .username.replaceAll(/[^\x21-\x7e]/g, '?')
        .slice(0, 64) || 'unknown'
    );
  } catch {
    return 'unknown';
  }
}
