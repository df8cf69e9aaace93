import type { Action } from './actions.ts';
import { type PolicyDocument, readDocument } from './document.ts';
import { Namespaces } from './namespaces.ts';
import { type Range, rangeOfName, rangeOfPrefix, subtract, union } from './ranges.ts';
import { type Effect, type Rule, RuleTable } from './rules.ts';

export type { Action } from './actions.ts';
export { bootstrapClient, clientNamePattern, isClientName } from './client-name.ts';
export { PolicyError } from './policy-error.ts';
export type { Rule } from './rules.ts';

/** A decision and the rule that made it: the deny rule, else the allow rule, else none. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: 'allowed_by_rule' | 'denied_by_rule' | 'no_rule' | 'unknown_client';
  readonly rule: Rule | null;
}

/** What each client may do. Immutable; a changed file makes a new Policy. */
export interface Policy {
  /** Deny wins, and what no rule allows is denied. */
  allows(client: string, action: Action, name: string): boolean;
  /** The same decision with its reason. */
  explain(client: string, action: Action, name: string): Decision;
  /**
   * Disjoint ascending ranges that hold every name the client may list. They may hold others too: ask `allows` for each.
   */
  listRanges(client: string): readonly Range[];
  knows(client: string): boolean;
  /**
   * The client that a name of a verified certificate, such as `DNS:web.internal`, belongs to; null for nobody's.
   * @param authorities fingerprints of those above the certificate
   */
  clientOfCertificate(name: string, authorities: readonly string[]): string | null;
  readonly clients: readonly string[];
  /** Which part of the name space a name belongs to. */
  readonly namespaces: Namespaces;
}

/** Compiles the text of a policy file (docs/POLICY.md). Throws PolicyError with the line, the key and the reason. */
export function parsePolicy(text: string): Policy {
  return new CompiledPolicy(readDocument(text));
}

class CompiledPolicy implements Policy {
  /** A client's own rules and those of its groups, which members share. */
  readonly #tables: Map<string, RuleTable[]>;
  readonly #listRanges: Map<string, readonly Range[]> = new Map();
  readonly #certificates: PolicyDocument['certificates'];
  readonly namespaces: Namespaces;

  constructor(document: PolicyDocument) {
    this.#certificates = document.certificates;
    this.#tables = new Map([...document.clients].map(([client, rules]) => [client, [new RuleTable(rules)]]));
    for (const { members, rules } of document.groups) {
      const table = new RuleTable(rules);
      for (const member of members) this.#tables.get(member)?.push(table);
    }
    const tables = [...this.#tables.values()].flat();
    this.namespaces = new Namespaces(
      tables.flatMap(table => [
        ...table.exactNames('allow', 'create'),
        ...table.globs('allow', 'create').map(({ prefix }) => prefix),
      ]),
    );
  }

  get clients(): readonly string[] {
    return [...this.#tables.keys()];
  }

  knows(client: string): boolean {
    return this.#tables.has(client);
  }

  clientOfCertificate(name: string, authorities: readonly string[]): string | null {
    const owner = this.#certificates.get(name);
    if (owner === undefined) return null;
    return owner.authority === null || authorities.includes(owner.authority) ? owner.client : null;
  }

  allows(client: string, action: Action, name: string): boolean {
    return (
      this.#find('deny', client, action, name) === undefined &&
      this.#find('allow', client, action, name) !== undefined
    );
  }

  explain(client: string, action: Action, name: string): Decision {
    if (!this.knows(client)) return { allowed: false, reason: 'unknown_client', rule: null };
    const deny = this.#find('deny', client, action, name);
    if (deny !== undefined) return { allowed: false, reason: 'denied_by_rule', rule: deny };
    const allow = this.#find('allow', client, action, name);
    if (allow !== undefined) return { allowed: true, reason: 'allowed_by_rule', rule: allow };
    return { allowed: false, reason: 'no_rule', rule: null };
  }

  listRanges(client: string): readonly Range[] {
    const known = this.#listRanges.get(client);
    if (known !== undefined) return known;
    const tables = this.#tables.get(client);
    if (tables === undefined) return [];
    const ranges = listableRanges(tables);
    this.#listRanges.set(client, ranges);
    return ranges;
  }

  #find(effect: Effect, client: string, action: Action, name: string): Rule | undefined {
    const tables = this.#tables.get(client);
    if (tables === undefined) return undefined;
    for (const table of tables) {
      const rule = table.find(effect, action, name);
      if (rule !== undefined) return rule;
    }
    return undefined;
  }
}

/** What is allowed by literal prefix, less what a deny rule takes away whole. */
function listableRanges(tables: readonly RuleTable[]): Range[] {
  const allowed = tables.flatMap(table => [
    ...table.exactNames('allow', 'list').map(rangeOfName),
    ...table.globs('allow', 'list').map(glob => rangeOfPrefix(glob.prefix)),
  ]);
  const denied = tables.flatMap(table =>
    table
      .globs('deny', 'list')
      .filter(glob => glob.prefixOnly)
      .map(glob => rangeOfPrefix(glob.prefix)),
  );
  return subtract(union(allowed), union(denied));
}
