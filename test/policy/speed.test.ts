import t from 'tap';
import { parsePolicy } from '../../src/policy/policy.ts';

const rounds = 7;
const perRound = 20_000;
/** Microseconds of CPU: ten times what it should take, because other work shares the caches with the tests. */
const mostTime = 10;

/** A hundred rules of one client, all of one folder and alike, where an index has the least to go by. */
const rules = Array.from({ length: 100 }, (_, index) =>
  index % 4 === 0 ? `read app/service-${index}` : `read app/service-${index}-*`,
);
const policy = parsePolicy(
  JSON.stringify({ clients: { web: { allow: rules.slice(0, 70), deny: rules.slice(70) } } }),
);

const names = {
  'the last rule allows': 'app/service-69-db',
  'a rule denies': 'app/service-99-db',
  'no rule matches': 'app/service-none-db',
};

for (const [what, name] of Object.entries(names)) {
  t.test(`a decision among 100 rules takes microseconds: ${what}`, async t => {
    let allowed = 0;
    const times = Array.from({ length: rounds }, () => {
      const before = process.cpuUsage();
      for (let count = 0; count < perRound; count++) if (policy.allows('web', 'read', name)) allowed++;
      return process.cpuUsage(before).user / perRound;
    });
    const best = Math.min(...times);
    t.equal(allowed, what === 'the last rule allows' ? rounds * perRound : 0);
    t.ok(best < mostTime, `${best.toFixed(3)} µs at best of ${rounds} rounds of ${perRound}`);
  });
}
