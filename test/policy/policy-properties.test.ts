import fc from 'fast-check';
import t from 'tap';
import { type Action, parsePolicy } from '../../src/policy/policy.ts';
import { runsOf } from '../stack/tools.ts';

const actions: Action[] = ['read', 'list', 'create', 'update', 'delete', 'rotate', 'purge', 'admin'];

/** A tiny alphabet, so that names and patterns meet often. */
const name = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'b-', 'zz'), { minLength: 1, maxLength: 4 })
  .map(segments => segments.join('/'));
const pattern = fc
  .array(fc.constantFrom('a', 'b', '*', 'a*', '*b', 'a*b', 'zz', '**'), { minLength: 1, maxLength: 4 })
  .map(segments => segments.join('/'));
const rule = fc
  .tuple(fc.constantFrom('', ...actions), pattern)
  .map(([action, text]) => (action === '' ? text : `${action} ${text}`));
const rules = fc.array(rule, { maxLength: 5 });
const section = fc.record({ allow: rules, deny: rules });
const file = fc.record({ web: section, other: section, group: section, webInGroup: fc.boolean() });

type PolicyFile = typeof file extends fc.Arbitrary<infer Value> ? Value : never;

function textOf({ web, other, group, webInGroup }: PolicyFile): string {
  const members = webInGroup ? ['web', 'other'] : ['other'];
  // JSON is YAML.
  return JSON.stringify({ clients: { web, other }, groups: { g: { members, ...group } } });
}

/** Matching by brute force: a star takes every possible number of characters. */
function naiveMatch(glob: string, text: string): boolean {
  if (glob === '') return text === '';
  if (glob[0] === '*') {
    return naiveMatch(glob.slice(1), text) || (text !== '' && naiveMatch(glob, text.slice(1)));
  }
  return glob[0] === text[0] && naiveMatch(glob.slice(1), text.slice(1));
}

function naiveAllows(policy: PolicyFile, action: Action, secret: string): boolean {
  const sections = policy.webInGroup ? [policy.web, policy.group] : [policy.web];
  const applies = (text: string, unnamed: (action: Action) => boolean): boolean => {
    const [first = '', second] = text.split(' ');
    if (second === undefined) return unnamed(action) && naiveMatch(first, secret);
    return first === action && naiveMatch(second, secret);
  };
  const denied = sections.some(({ deny }) => deny.some(text => applies(text, () => true)));
  const unnamedAllow = (asked: Action) => asked !== 'purge' && asked !== 'admin';
  return !denied && sections.some(({ allow }) => allow.some(text => applies(text, unnamedAllow)));
}

t.test('decides as the naive evaluator does, and explains what it decides', async t => {
  let allowed = 0;
  fc.assert(
    fc.property(file, fc.constantFrom(...actions), name, (policyFile, action, secret) => {
      const policy = parsePolicy(textOf(policyFile));
      const expected = naiveAllows(policyFile, action, secret);
      if (expected) allowed++;
      const { allowed: explained, rule: decisive } = policy.explain('web', action, secret);
      return (
        policy.allows('web', action, secret) === expected &&
        explained === expected &&
        (!explained || (decisive !== null && naiveMatch(decisive.pattern, secret)))
      );
    }),
    { numRuns: runsOf(3000) },
  );
  t.ok(allowed > runsOf(100), 'both answers were met');
});

t.test('every name that may be listed lies in exactly one range, and ranges ascend apart', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(file, fc.array(name, { minLength: 10, maxLength: 30 }), (policyFile, names) => {
        const policy = parsePolicy(textOf(policyFile));
        const ranges = policy.listRanges('web');
        const holding = (secret: string) =>
          ranges.filter(({ from, to }) => from <= secret && (to === null || secret < to)).length;
        const apart = ranges.every(({ from, to }, index) => {
          const next = ranges[index + 1];
          return (to === null || from < to) && (next === undefined || (to !== null && to < next.from));
        });
        return apart && names.every(secret => !policy.allows('web', 'list', secret) || holding(secret) === 1);
      }),
      { numRuns: runsOf(2000) },
    ),
  );
});

t.test('what no pattern could allow lies in no range', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 4 }),
        fc.array(name, { maxLength: 4 }),
        name,
        (allow, deny, secret) => {
          const prefixes = (names: string[]) => names.map(text => `list ${text}*`);
          const policy = parsePolicy(
            JSON.stringify({ clients: { c: { allow: prefixes(allow), deny: prefixes(deny) } } }),
          );
          const inside = policy
            .listRanges('c')
            .some(({ from, to }) => from <= secret && (to === null || secret < to));
          return inside === policy.allows('c', 'list', secret);
        },
      ),
      { numRuns: runsOf(2000) },
    ),
  );
});
