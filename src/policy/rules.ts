import { type Action, actions, grantedUnnamed } from './actions.ts';
import { compileGlob, type Glob } from './glob.ts';

export type Effect = 'allow' | 'deny';

/** One line of a policy file. */
export interface Rule {
  readonly effect: Effect;
  /** As written: null where the rule names no action. */
  readonly action: Action | null;
  readonly pattern: string;
  /** Where it was written, for people: `clients.web` or `groups.operators`. */
  readonly source: string;
  readonly line: number;
}

/** The actions a rule is about: without one, allow grants all but purge and admin, and deny forbids all. */
function actionsOf(rule: Rule): readonly Action[] {
  if (rule.action !== null) return [rule.action];
  return rule.effect === 'allow' ? grantedUnnamed : actions;
}

interface GlobRule {
  readonly glob: Glob;
  readonly rule: Rule;
}

/** The rules of one effect for one action: whole names by hash, the patterns one after the other. */
class RuleIndex {
  readonly exact: Map<string, Rule> = new Map();
  readonly globs: GlobRule[] = [];

  add(rule: Rule): void {
    if (rule.pattern.includes('*')) this.globs.push({ glob: compileGlob(rule.pattern), rule });
    else if (!this.exact.has(rule.pattern)) this.exact.set(rule.pattern, rule);
  }

  find(name: string): Rule | undefined {
    const exact = this.exact.get(name);
    if (exact !== undefined) return exact;
    for (const { glob, rule } of this.globs) {
      if (glob.matches(name)) return rule;
    }
    return undefined;
  }
}

/** The compiled rules of one client or group. */
export class RuleTable {
  readonly #indexes: Readonly<Record<Effect, Map<Action, RuleIndex>>> = { allow: new Map(), deny: new Map() };

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      for (const action of actionsOf(rule)) this.#indexFor(rule.effect, action).add(rule);
    }
  }

  /** The first rule of this effect that is about the action and the name. */
  find(effect: Effect, action: Action, name: string): Rule | undefined {
    return this.#indexes[effect].get(action)?.find(name);
  }

  /** The whole names that rules of this effect give for the action. */
  exactNames(effect: Effect, action: Action): string[] {
    return [...(this.#indexes[effect].get(action)?.exact.keys() ?? [])];
  }

  globs(effect: Effect, action: Action): Glob[] {
    return (this.#indexes[effect].get(action)?.globs ?? []).map(({ glob }) => glob);
  }

  #indexFor(effect: Effect, action: Action): RuleIndex {
    const known = this.#indexes[effect].get(action);
    if (known !== undefined) return known;
    const index = new RuleIndex();
    this.#indexes[effect].set(action, index);
    return index;
  }
}
