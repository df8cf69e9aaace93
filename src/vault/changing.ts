import { ServiceError } from '../errors.ts';
import { Turn } from '../event-loop.ts';
import type { Action } from '../policy/policy.ts';
import type { StoredSecret } from '../store/store.ts';
import type { Caller } from './caller.ts';
import type { VaultContext } from './context.ts';
import { eraseDestroyed } from './erasing.ts';
import type { Subject } from './journal.ts';
import { NameQueue } from './name-queue.ts';
import { checkMetadata, checkName, checkValue } from './names.ts';
import { type Precondition, requireMet, unconditional } from './precondition.ts';
import { factsOf, type RotatedVersion, type SecretInput, type VersionFacts } from './types.ts';
import * as rules from './versions.ts';

/** Makes the changes of an operation from the rows as they are; throws ServiceError where the rules forbid it. */
type Plan = (stored: readonly (StoredSecret | null)[]) => Promise<rules.Planned[]>;

/** The changes of the vault. */
export class Changing {
  readonly #vault: VaultContext;
  readonly #queue = new NameQueue();

  constructor(vault: VaultContext) {
    this.#vault = vault;
  }

  async create(
    caller: Caller,
    name: string,
    input: SecretInput,
    precondition: Precondition = unconditional,
  ): Promise<VersionFacts> {
    this.#checkInput(name, input);
    await this.#vault.journal.authorise(caller, ['create'], [name]);
    const [planned] = await this.#change(caller, 'create', [name], async ([stored = null]) => {
      if (rules.exists(stored?.head ?? null)) {
        rules.requireLive(stored, name);
        throw new ServiceError('conflict', `"${name}" exists already; PUT /secret/${name} adds a version.`);
      }
      requireMet(name, stored, precondition);
      return [this.#supply(caller, stored, name, input, true)];
    });
    this.#vault.metrics.secretCreated();
    return addedVersion(planned);
  }

  /** A new version of an existing name, or a new name. */
  async put(
    caller: Caller,
    name: string,
    input: SecretInput & { readonly activate: boolean },
    precondition: Precondition = unconditional,
  ): Promise<VersionFacts & { readonly isNew: boolean }> {
    this.#checkInput(name, input);
    let known = true;
    // Only after `update` is allowed is the row looked at: what is denied takes as long for a name that exists.
    await this.#vault.journal.authorise(caller, ['update'], [name], () => {
      known = rules.exists(this.#vault.load(name)?.head ?? null);
      return known ? [] : ['create'];
    });
    let isNew = false;
    const [planned] = await this.#change(caller, 'update', [name], async ([stored = null]) => {
      const head = stored?.head ?? null;
      isNew = !rules.exists(head);
      // The right to create was asked for only if the name was new then.
      if (isNew && known)
        throw new ServiceError('conflict', `"${name}" was purged at the same moment; try again.`);
      if (!isNew) rules.requireLive(stored, name);
      requireMet(name, stored, precondition);
      return [this.#supply(caller, stored, name, input, input.activate)];
    });
    if (isNew) this.#vault.metrics.secretCreated();
    return { ...addedVersion(planned), isNew };
  }

  async activate(
    caller: Caller,
    name: string,
    version: number,
    precondition: Precondition = unconditional,
  ): Promise<VersionFacts> {
    checkName(name);
    await this.#vault.journal.authorise(caller, ['update'], [name]);
    const [planned] = await this.#change(
      caller,
      'update',
      [name],
      async ([stored = null]) => {
        const { head, active } = rules.requireLive(stored, name);
        const moment = this.#vault.moment();
        const target = this.#vault.stored(store => store.version(name, version));
        if (target === null || !rules.isReadable(target, moment.earliest)) {
          throw new ServiceError('not_found', `"${name}" has no version ${version} to activate.`);
        }
        this.#vault.rows.verifyVersion(target);
        requireMet(name, stored, precondition);
        return [rules.activateVersion(head, active, target, moment, this.#vault.defaults)];
      },
      version,
    );
    return addedVersion(planned);
  }

  /** Soft: POST /undelete brings it back. */
  async delete(caller: Caller, name: string, precondition: Precondition = unconditional): Promise<void> {
    checkName(name);
    await this.#vault.journal.authorise(caller, ['delete'], [name]);
    await this.#change(caller, 'delete', [name], async ([stored = null]) => {
      const { head } = rules.requireLive(stored, name);
      requireMet(name, stored, precondition);
      return [rules.markDeleted(head, this.#vault.now())];
    });
  }

  /**
   * Destroys every version; only the name and its next version number stay.
   * @returns whether the values have left the files already; else the scheduler sees to it
   */
  async purge(caller: Caller, name: string, precondition: Precondition = unconditional): Promise<boolean> {
    checkName(name);
    await this.#vault.journal.authorise(caller, ['purge'], [name]);
    await this.#change(caller, 'purge', [name], async ([stored = null]) => {
      const { head } = rules.requireExisting(stored, name);
      requireMet(name, stored, precondition);
      return [
        rules.purge(
          head,
          this.#vault.stored(store => store.usageOf(name)),
        ),
      ];
    });
    return await eraseDestroyed(this.#vault.store);
  }

  async undelete(caller: Caller, name: string, precondition: Precondition = unconditional): Promise<void> {
    checkName(name);
    await this.#vault.journal.authorise(caller, ['update'], [name]);
    await this.#change(caller, 'update', [name], async ([stored = null]) => {
      const { head } = rules.requireExisting(stored, name);
      if (head.deletedAt === null) throw new ServiceError('conflict', `"${name}" is not deleted.`);
      requireMet(name, stored, precondition);
      return [rules.unmarkDeleted(head)];
    });
  }

  /**
   * A generated version for each name, all or nothing.
   * @param generator what the request asks for; without it each secret's own, or the default
   * @param signal aborts when nobody waits for the answer any more; until the values are made, nothing changes then
   * @param precondition what each of the secrets must meet
   */
  async rotate(
    caller: Caller,
    names: readonly string[],
    generator: unknown,
    signal: AbortSignal | null = null,
    precondition: Precondition = unconditional,
  ): Promise<RotatedVersion[]> {
    names.forEach(checkName);
    if (new Set(names).size < names.length)
      throw new ServiceError('bad_request', 'names lists a name twice.');
    // Who chooses how a value is made comes close to choosing the value.
    await this.#vault.journal.authorise(
      caller,
      generator === null ? ['rotate'] : ['rotate', 'update'],
      names,
    );
    return await this.rotateAuthorised(caller, names, generator, () => true, signal, precondition);
  }

  /** For the scheduler, which acts on a secret's own rule; `isDue` is asked again when the row is held. */
  async rotateAuthorised(
    caller: Caller,
    names: readonly string[],
    generator: unknown,
    isDue: (stored: StoredSecret) => boolean,
    signal: AbortSignal | null = null,
    precondition: Precondition = unconditional,
  ): Promise<RotatedVersion[]> {
    const order = { owner: `${caller.identityMethod} ${caller.client}`, signal };
    const planned = await this.#change(caller, 'rotate', names, async rows => {
      const targets = rows.map((stored, index) => rules.requireLive(stored, names[index] ?? ''));
      for (const stored of targets) requireMet(stored.head.name, stored, precondition);
      const turn = new Turn();
      const changes: rules.Planned[] = [];
      // One after another: of each request, one value at a time waits for its turn.
      for (const stored of targets.filter(isDue)) {
        const value = await this.#vault.generate(generator ?? stored.head.rotation?.generator ?? null, order);
        changes.push(this.#add(caller, stored, stored.head.name, value, { generated: true, activate: true }));
        await turn.pause();
      }
      return changes;
    });
    for (const _ of planned) this.#vault.metrics.secretRotated();
    return planned.map(change => ({
      ...addedVersion(change),
      generator: generator ?? change.head.rotation?.generator ?? null,
    }));
  }

  /** Destroys one version whose grace is over; a no-op where that is not so any more. */
  async destroyEnded(caller: Caller, name: string, version: number): Promise<void> {
    await this.#change(
      caller,
      'rotate',
      [name],
      async ([stored = null]) => {
        const row = this.#vault.stored(store => store.version(name, version));
        if (stored === null || row === null || row.sealed === null) return [];
        this.#vault.rows.verifyVersion(row);
        const { earliest, isCertain } = this.#vault.moment();
        const mayGo = isCertain && !rules.isReadable(row, earliest);
        return mayGo ? [rules.destroyVersion(stored.head, row)] : [];
      },
      version,
    );
  }

  async #change(
    caller: Caller,
    action: Action,
    names: readonly string[],
    plan: Plan,
    version: number | null = null,
  ): Promise<rules.Planned[]> {
    const asked = names.map(name => ({ action, name, version }));
    return await this.#queue.run(names, async () => {
      const { planned, giveBack } = await this.#vault.recordingFailure(caller, asked, async () => {
        const changes = await plan(names.map(name => this.#vault.load(name, action === 'purge')));
        return { planned: changes, giveBack: await this.#vault.quotas.take(changes) };
      });
      if (planned.length === 0) return planned;
      const subjects = planned.map(change => subjectOf(action, change, version));
      try {
        await this.#vault.committer.commit(caller, subjects, planned);
      } catch (error) {
        giveBack();
        throw error;
      }
      // Once in the log and once in the database.
      for (const { growth } of planned) this.#vault.shares.note(caller.client, 2 * Math.max(0, growth.bytes));
      return planned;
    });
  }

  /** @throws ServiceError bad_request or too_large */
  #checkInput(name: string, { value, metadata, rotation }: SecretInput): void {
    checkName(name);
    checkValue(value);
    checkMetadata(metadata ?? {});
    this.#vault.quotas.checkRule(rotation ?? null);
  }

  #supply(
    caller: Caller,
    stored: StoredSecret | null,
    name: string,
    input: SecretInput,
    activate: boolean,
  ): rules.Planned {
    const { metadata, rotation, value } = input;
    return this.#add(caller, stored, name, value, { generated: false, activate, metadata, rotation });
  }

  #add(
    caller: Caller,
    stored: StoredSecret | null,
    name: string,
    value: string,
    how: Omit<rules.NewVersion, 'dropped' | 'kid' | 'sealed'>,
  ): rules.Planned {
    const head = stored?.head ?? null;
    const dropped = this.#vault.quotas.roomForVersion(name, rules.nextVersionOf(head));
    const sealed = caller.span.step('secret.encrypt', () =>
      this.#vault.rows.sealValue(name, rules.nextVersionOf(head), value),
    );
    const added = { ...how, ...sealed, dropped };
    return rules.addVersion(
      head,
      stored?.active ?? null,
      name,
      added,
      this.#vault.moment(),
      this.#vault.defaults,
    );
  }
}

/** The version that a plan adds or activates stands last. */
function addedVersion(planned: rules.Planned | undefined): VersionFacts {
  const row = planned?.versions.at(-1);
  if (row === undefined) throw new ServiceError('internal', 'The change made no version.');
  return factsOf(row);
}

function subjectOf(action: Action, planned: rules.Planned, version: number | null): Subject {
  return { action, name: planned.head.name, version: version ?? planned.versions.at(-1)?.version ?? null };
}
