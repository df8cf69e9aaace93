import { type Action, actions, grantedUnnamed } from './actions.ts';
import { Glob } from './glob.ts';

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

/** The patterns whose prefix lies in one folder, by that prefix, and the lengths that these prefixes have. */
interface Folder {
  readonly lengths: number[];
  readonly byPrefix: Map<string, GlobRule[]>;
}

/**
 * The rules of one effect for one action. Whole names are looked up; patterns are kept by the folder that their prefix
 * lies in (`app/web/` for `app/web/*` and for `app/web/db*`) and there by prefix, so that a name meets only those that
 * begin as it does.
 */
class RuleIndex {
  readonly exact: Map<string, Rule> = new Map();
  readonly #folders: Map<string, Folder> = new Map();

  add(rule: Rule): void {
    if (rule.pattern.includes('*')) this.#addGlob({ glob: new Glob(rule.pattern), rule });
    else if (!this.exact.has(rule.pattern)) this.exact.set(rule.pattern, rule);
  }

  get globs(): Glob[] {
    const globRules = [...this.#folders.values()].flatMap(({ byPrefix }) => [...byPrefix.values()].flat());
    return globRules.map(({ glob }) => glob);
  }

  find(name: string): Rule | undefined {
    const exact = this.exact.get(name);
    if (exact !== undefined || this.#folders.size === 0) return exact;
    // From the root, whose folder is '', down to the folder that the name lies in.
    let end = 0;
    do {
      const rule = this.#findInFolder(name.slice(0, end), name);
      if (rule !== undefined) return rule;
      end = name.indexOf('/', end) + 1;
    } while (end > 0);
    return undefined;
  }

  #findInFolder(folder: string, name: string): Rule | undefined {
    const known = this.#folders.get(folder);
    if (known === undefined) return undefined;
    for (const length of known.lengths) {
      const globRules = known.byPrefix.get(name.slice(0, length)) ?? [];
      for (const { glob, rule } of globRules) {
        if (glob.matches(name)) return rule;
      }
    }
    return undefined;
  }

  #addGlob(globRule: GlobRule): void {
    const { prefix } = globRule.glob;
    const name = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const folder: Folder = this.#folders.get(name) ?? { lengths: [], byPrefix: new Map() };
    this.#folders.set(name, folder);
    if (!folder.lengths.includes(prefix.length)) folder.lengths.push(prefix.length);
    const globRules = folder.byPrefix.get(prefix);
    if (globRules === undefined) folder.byPrefix.set(prefix, [globRule]);
    else globRules.push(globRule);
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
    return this.#indexes[effect].get(action)?.globs ?? [];
  }

  #indexFor(effect: Effect, action: Action): RuleIndex {
    const known = this.#indexes[effect].get(action);
    if (known !== undefined) return known;
    const index = new RuleIndex();
    this.#indexes[effect].set(action, index);
    return index;
  }
}
