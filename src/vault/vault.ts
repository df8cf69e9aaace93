import type { Caller } from './caller.ts';
import { Changing } from './changing.ts';
import { VaultContext, type VaultDependencies } from './context.ts';
import { Reading } from './reading.ts';
import type { ReadSecret, SecretInput, SecretPage, VersionFacts, VersionState } from './types.ts';
import { Upkeep } from './upkeep.ts';

export type { Caller } from './caller.ts';
export type { VaultDependencies } from './context.ts';
export type * from './types.ts';

/**
 * The one door: every read and change of a secret authorises, audits and acts here, and answers only when its record
 * is durable. Methods throw ServiceError.
 */
export interface Vault {
  read(
    caller: Caller,
    name: string,
    version: number | null,
    has: (version: number) => boolean,
  ): Promise<ReadSecret>;
  versions(caller: Caller, name: string): Promise<VersionState[]>;
  list(caller: Caller, prefix: string, limit: number, cursor: string | null): Promise<SecretPage>;

  create(caller: Caller, name: string, input: SecretInput): Promise<VersionFacts>;
  put(
    caller: Caller,
    name: string,
    input: SecretInput & { readonly activate: boolean },
    ifMatch: (version: number | null) => boolean,
  ): Promise<VersionFacts & { readonly isNew: boolean }>;
  activate(caller: Caller, name: string, version: number): Promise<VersionFacts>;
  delete(caller: Caller, name: string): Promise<void>;
  purge(caller: Caller, name: string): Promise<void>;
  undelete(caller: Caller, name: string): Promise<void>;
  rotate(caller: Caller, names: readonly string[], generator: unknown): Promise<VersionFacts[]>;

  /** Live secrets, O(1). */
  count(): number;
  /** What the clock asks of the vault. */
  readonly upkeep: Upkeep;
}

export function createVault(dependencies: VaultDependencies): Vault {
  const context = new VaultContext(dependencies);
  const reading = new Reading(context);
  const changing = new Changing(context);
  return {
    read: reading.read.bind(reading),
    versions: reading.versions.bind(reading),
    list: reading.list.bind(reading),
    create: changing.create.bind(changing),
    put: changing.put.bind(changing),
    activate: changing.activate.bind(changing),
    delete: changing.delete.bind(changing),
    purge: changing.purge.bind(changing),
    undelete: changing.undelete.bind(changing),
    rotate: changing.rotate.bind(changing),
    count: () => dependencies.store.count(),
    upkeep: new Upkeep(context, changing),
  };
}
