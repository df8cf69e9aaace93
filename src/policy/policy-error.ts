import { oneLine } from '../errors.ts';

/** Why a policy file is refused, and where: `line 4, clients.web.allow[1]: unknown action "raed"`. */
export class PolicyError extends Error {
  /** Counted from 1; null where the file as a whole is wrong. */
  readonly line: number | null;
  /** Dotted path inside the file; empty at the top level. */
  readonly key: string;
  readonly reason: string;

  constructor(line: number | null, key: string, reason: string) {
    const place = [line === null ? '' : `line ${line}`, key].filter(part => part !== '').join(', ');
    super(oneLine(place === '' ? reason : `${place}: ${reason}`));
    this.name = 'PolicyError';
    this.line = line;
    this.key = key;
    this.reason = reason;
  }
}
