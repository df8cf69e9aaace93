import { ServiceError } from '../errors.ts';
import { groupOf } from '../store/row-set.ts';

/** What a verification of the vault found, as far as it decides what is still served. */
export interface Distrust {
  /** Nothing can be trusted: the vault as a whole is not the one that this process left. */
  readonly everything: boolean;
  /** Rows that hold the vault and the audit log together were altered. */
  readonly changes: boolean;
  /** Groups of names and token ids with rows that this service did not write last. */
  readonly groups: readonly number[];
}

/** What is refused since the vault was found altered. It only grows: a restart or an operator's acceptance ends it. */
export class Trust {
  #everything = false;
  #changes = false;
  readonly #groups = new Set<number>();

  distrust({ changes, everything, groups }: Distrust): void {
    this.#everything ||= everything;
    this.#changes ||= changes;
    for (const group of groups) this.#groups.add(group);
  }

  /** Whether all is as this service left it, as far as is known. */
  get isWhole(): boolean {
    return !this.#everything && !this.#changes && this.#groups.size === 0;
  }

  get refusesEverything(): boolean {
    return this.#everything;
  }

  /** @param entity the name of a secret, or the id of a token */
  refuses(entity: string): boolean {
    if (this.#everything) return true;
    return this.#groups.size > 0 && this.#groups.has(groupOf(entity));
  }

  /** @throws ServiceError internal */
  requireRow(name: string): void {
    if (!this.refuses(name)) return;
    throw new ServiceError(
      'internal',
      `"${name}" is refused: rows of the vault were altered outside this service. \`jarvis-secretsd check\` says which.`,
    );
  }

  /** @throws ServiceError unavailable */
  requireChanges(): void {
    if (!this.#changes && !this.#everything) return;
    throw new ServiceError(
      'unavailable',
      'Changes are refused: the vault was altered outside this service. `jarvis-secretsd check` says how.',
    );
  }
}
