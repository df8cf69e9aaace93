import t from 'tap';
import { testTotals } from '../../tools/test-totals.ts';

const passing = `TAP version 14
1..1
# Subtest: test/one.test.ts
    # Subtest: outer
        ok 1 - an assertion
        # Subtest: inner
            ok 1 - an assertion
            1..1
        ok 2 - inner # time=3ms
        1..2
    ok 1 - outer
    ok 2 - not on this machine # SKIP no disk
    1..2
ok 1 - test/one.test.ts # time=44ms
`;

t.test('innermost blocks count once, whatever they assert', async t => {
  t.same(testTotals(passing), { passed: 1, failed: 0, skipped: 1 });
});

t.test('a failed assertion fails its test, and its outer blocks add nothing', async t => {
  const failing = passing
    .replace('            ok 1', '            not ok 1')
    .replace('        ok 2 - inner', '        not ok 2 - inner')
    .replace('    ok 1 - outer', '    not ok 1 - outer')
    .replace('\nok 1 - test/one', '\nnot ok 1 - test/one');
  t.same(testTotals(failing), { passed: 0, failed: 1, skipped: 1 });
});

t.test('a file that crashes after its tests passed is a failure', async t => {
  t.same(testTotals(passing.replace('\nok 1', '\nnot ok 1')), { passed: 1, failed: 1, skipped: 1 });
});

t.test('a file that ends before its first test is a failure', async t => {
  const dead = 'TAP version 14\n1..1\n# Subtest: a\n    1..0 # no tests found\nnot ok 1 - a\n';
  t.same(testTotals(dead), { passed: 0, failed: 1, skipped: 0 });
});

t.test('a file that asserts without a block is one test', async t => {
  const bare = 'TAP version 14\n1..1\n# Subtest: a\n    ok 1\n    ok 2\n    1..2\nok 1 - a\n';
  t.same(testTotals(bare), { passed: 1, failed: 0, skipped: 0 });
});

t.test('a run cut short is a failure: no output, no plan, fewer files than planned, bailed out', async t => {
  t.equal(testTotals('').failed, 1);
  t.equal(testTotals(passing.replace('\n1..1\n', '\n')).failed, 1);
  t.equal(testTotals(passing.replace('\n1..1\n', '\n1..2\n')).failed, 1);
  t.equal(testTotals(`${passing}Bail out! no more\n`).failed, 1);
});

t.test('text that looks like TAP inside diagnostics is not counted', async t => {
  const withDiagnostics = passing.replace(
    '        # Subtest: inner\n',
    '          ---\n          found: |\n            not ok 7 - quoted\n          ...\n        # Subtest: inner\n',
  );
  t.same(testTotals(withDiagnostics), { passed: 1, failed: 0, skipped: 1 });
});
