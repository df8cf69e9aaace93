import type { Metrics } from '../../telemetry/instruments.ts';
import { DenialSummary } from '../audit/denials.ts';
import type { AppendedRecord, AuditEntry, AuditTrail } from '../audit/record.ts';
import { invalidToken, ServiceError } from '../errors.ts';
import type { Action, Policy } from '../policy/policy.ts';
import type { Caller, Lapse } from './caller.ts';
import type { DiskShares } from './disk-shares.ts';

/** What an operation is about, as its audit records say it. */
export interface Subject {
  readonly action: Action;
  readonly name: string;
  readonly version?: number | null;
  /** Further facts for the record. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

/** What the resources begin with that stand for the tokens of one client each. */
export const tokenResources = 'tokens/';

/** The `admin` action on it governs the tokens of the client. */
export function tokensOf(client: string): string {
  return tokenResources + client;
}

/** What a record takes beside the name that it is about, in bytes. */
const bytesOfRecord = 460;

/** Decides by policy and writes the records; nothing here touches a value. */
export class Journal {
  readonly #audit: AuditTrail;
  readonly #policy: () => Policy;
  readonly #metrics: Metrics;

  readonly #denials: DenialSummary;
  readonly #shares: DiskShares;

  constructor(audit: AuditTrail, policy: () => Policy, metrics: Metrics, shares: DiskShares) {
    this.#audit = audit;
    this.#policy = policy;
    this.#metrics = metrics;
    this.#denials = new DenialSummary(audit);
    this.#shares = shares;
  }

  /** For the end of the service, before the log is closed. */
  close(): void {
    this.#denials.close();
  }

  /**
   * One decision per name; all of `actions` must be allowed on it. A denial is one record per denied name, or a part of a sum
   * where a client is denied a lot. Returns at once what is allowed; a refusal is recorded first.
   * @param further actions that must be allowed, too; asked once the others are, for each name
   * @throws ServiceError not_authorized, whether or not the names exist; unauthenticated; too_many_requests
   */
  authorise(
    caller: Caller,
    actions: readonly Action[],
    names: readonly string[],
    further: () => readonly Action[] = () => [],
  ): Promise<never> | undefined {
    const lapsed = this.requireCredential(caller);
    if (lapsed !== undefined) return lapsed;
    this.#requireDiskShare(caller, actions.every(action => isRead(action)) ? 2 : 1);
    const refusals = caller.span.step('policy.decide', span => {
      const denied = this.#decide(caller, actions, names, further);
      span.note({
        action: actions.join(' '),
        decision: decisionOf(denied.length === 0),
        count: names.length,
      });
      return denied;
    });
    const [first] = refusals;
    return first && this.#deny(caller, refusals, `${verbOf(first.action)} "${first.name}"`);
  }

  /** The names that are denied, each with the action that is. */
  #decide(
    caller: Caller,
    actions: readonly Action[],
    names: readonly string[],
    further: () => readonly Action[],
  ): Subject[] {
    const policy = this.#policy();
    const refusals: Subject[] = [];
    for (const name of names) {
      const isDenied = (action: Action) => !allows(policy, caller, action, name);
      const denied = actions.find(isDenied) ?? further().find(isDenied);
      if (denied === undefined) this.#metrics.accessAllowed();
      else {
        this.#metrics.accessDenied();
        refusals.push({ action: denied, name });
      }
    }
    return refusals;
  }

  /** A list is one decision: whether the policy lets the client list anything. */
  async authoriseList(caller: Caller, prefix: string): Promise<Policy> {
    await this.requireCredential(caller);
    this.#requireDiskShare(caller, 2);
    const policy = this.#policy();
    const allowed = caller.span.step('policy.decide', span => {
      const hasRanges = policy.listRanges(caller.client).length > 0;
      span.note({ action: 'list', decision: decisionOf(hasRanges) });
      return hasRanges;
    });
    if (allowed) {
      this.#metrics.accessAllowed();
      return policy;
    }
    this.#metrics.accessDenied();
    return await this.#deny(caller, [{ action: 'list', name: prefix }], 'list secrets');
  }

  /**
   * A list of tokens is one decision: whether the caller may administer those of any of the clients.
   * @returns whether it may administer those of one
   */
  async authoriseTokenList(caller: Caller, clients: readonly string[]): Promise<(client: string) => boolean> {
    await this.requireCredential(caller);
    this.#requireDiskShare(caller, 2);
    const policy = this.#policy();
    const mayAdminister = (client: string) => allows(policy, caller, 'admin', tokensOf(client));
    const allowed = caller.span.step('policy.decide', span => {
      const administersOne = clients.some(mayAdminister);
      span.note({ action: 'admin', decision: decisionOf(administersOne) });
      return administersOne;
    });
    if (allowed) {
      this.#metrics.accessAllowed();
      return mayAdminister;
    }
    this.#metrics.accessDenied();
    return await this.#deny(caller, [{ action: 'admin', name: tokenResources }], 'list tokens');
  }

  /**
   * That what the caller proved its name with still holds; recorded and counted where not.
   * @throws ServiceError unauthenticated
   */
  requireCredential(caller: Caller): Promise<never> | undefined {
    const lapse = caller.credential.lapse();
    return lapse === null ? undefined : this.#refuse(caller, lapse);
  }

  async #refuse(caller: Caller, lapse: Lapse): Promise<never> {
    this.#metrics.authenticationFailed(lapse);
    await this.#append(caller, [
      about(caller, 'unauthenticated', null, { decision: 'deny', outcome: lapse }),
    ]);
    if (caller.identityMethod === 'token') throw invalidToken();
    throw new ServiceError('unauthenticated', 'The client certificate is not accepted any more.');
  }

  /** One record of something allowed that changes nothing; resolves when durable. */
  note(caller: Caller, event: string, subject: Subject, outcome: string): Promise<AppendedRecord> {
    return this.#append(caller, [about(caller, event, subject, { decision: 'allow', outcome })]);
  }

  /** One record for each subject of something allowed that then failed; resolves when all are durable. */
  noteFailure(caller: Caller, subjects: readonly Subject[], code: string): Promise<AppendedRecord> {
    return this.#append(
      caller,
      subjects.map(subject => about(caller, 'failure', subject, { decision: 'allow', outcome: code })),
    );
  }

  /** False while the audit log is latched after a failure. */
  get isWritable(): boolean {
    return this.#audit.writable;
  }

  /** The intents of one operation; resolves with the position of the last when durable. */
  intend(caller: Caller, subjects: readonly Subject[], opId: string): Promise<AppendedRecord> {
    return this.#append(
      caller,
      subjects.map(subject => about(caller, 'intent', subject, { decision: 'allow', opId })),
    );
  }

  async settle(caller: Caller, subjects: readonly Subject[], opId: string, outcome: string): Promise<void> {
    await this.#append(
      caller,
      subjects.map(subject => about(caller, 'outcome', subject, { decision: 'allow', outcome, opId })),
    );
  }

  /** @throws ServiceError too_many_requests */
  #requireDiskShare({ client, identityMethod }: Caller, least: 1 | 2): void {
    if (identityMethod !== 'system') this.#shares.admit(client, least);
  }

  async #deny(caller: Caller, refusals: readonly Subject[], what: string): Promise<never> {
    this.#requireDiskShare(caller, 1);
    const entries = refusals.map(subject =>
      about(caller, 'refusal', subject, { decision: 'deny', outcome: 'denied' }),
    );
    // Names that the policy does not know are many, where anybody may say that they are theirs.
    const share = this.#policy().knows(caller.client) ? `client ${caller.client}` : 'unknown';
    // While the log cannot be written, nothing is summed up: each denial says so.
    const own = this.#audit.writable ? this.#denials.take(share, entries) : entries;
    if (own.length > 0) await this.#append(caller, own);
    throw new ServiceError(
      'not_authorized',
      caller.credential.grants === 'tokens'
        ? 'The bootstrap token may only manage tokens.'
        : `The policy does not let "${caller.client}" ${what}.`,
    );
  }

  #append({ client, span }: Caller, entries: readonly AuditEntry[]): Promise<AppendedRecord> {
    for (const { resource } of entries) this.#shares.note(client, bytesOfRecord + (resource?.length ?? 0));
    return span.step('audit.append', async appending => {
      const queued = performance.now();
      const appended = this.#audit.append(entries);
      const { started } = await appended.durable;
      appending.note({ count: entries.length });
      appending.passed('audit.queue', queued, started);
      appending.passed('audit.flush', started, performance.now());
      return appended;
    });
  }
}

function verbOf(action: Action): string {
  return action === 'admin' ? 'administer' : action;
}

function isRead(action: Action): boolean {
  return action === 'read' || action === 'list';
}

function decisionOf(allowed: boolean): 'allow' | 'deny' {
  return allowed ? 'allow' : 'deny';
}

/** By the policy, but for a credential that is good for one thing only. */
function allows(policy: Policy, caller: Caller, action: Action, name: string): boolean {
  return caller.credential.grants === 'tokens'
    ? action === 'admin' && name.startsWith(tokenResources)
    : policy.allows(caller.client, action, name);
}

interface Decided {
  readonly decision: 'allow' | 'deny';
  readonly outcome?: string;
  readonly opId?: string;
}

function about(
  caller: Caller,
  event: string,
  subject: Subject | null,
  { decision, outcome, opId }: Decided,
): AuditEntry {
  return {
    event,
    client: caller.client,
    identity_method: caller.identityMethod,
    credential_id: caller.credentialId,
    remote_addr: caller.remoteAddr,
    action: subject?.action ?? null,
    resource: subject?.name ?? null,
    version: subject?.version ?? null,
    decision,
    outcome: outcome ?? null,
    op_id: opId ?? null,
    request_id: caller.requestId,
    trace_id: caller.traceId,
    ...(subject?.detail === undefined ? {} : { detail: subject.detail }),
  };
}
