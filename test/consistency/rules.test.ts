import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { checkout } from '../helpers/service.ts';
import { read, rules } from './expressions.ts';

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

const folder = 'test/stack/rules';
const tested = readdirSync(join(checkout, folder))
  .flatMap(file => (parse(read(`${folder}/${file}`)) as RuleTests).tests)
  .flatMap(({ alert_rule_test }) => alert_rule_test);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const sections = new Set([...read('docs/RUNBOOK.md').matchAll(/^## (\S+)$/gm)].map(([, name = '']) => name));

t.test('each alert has a test in which it fires and one in which it is silent', async t => {
  t.ok(alerts.length > 15);
  for (const { alert } of alerts) {
    const cases = tested.filter(({ alertname }) => alertname === alert);
    t.ok(
      cases.some(({ exp_alerts }) => exp_alerts.length > 0),
      `${alert} fires`,
    );
    t.ok(
      cases.some(({ exp_alerts }) => exp_alerts.length === 0),
      `${alert} is silent`,
    );
  }
  t.same(
    tested.filter(({ alertname }) => !alerts.some(({ alert }) => alert === alertname)),
    [],
  );
});

t.test('each alert says how bad it is, what it means and where to read on', async t => {
  for (const { alert = '', labels, annotations } of alerts) {
    t.ok(['critical', 'warning', 'none'].includes(labels?.['severity'] ?? ''), `${alert} has a severity`);
    t.ok(annotations?.['summary'] && annotations['description'], `${alert} has its texts`);
    t.equal(annotations?.['runbook_url'], `docs/RUNBOOK.md#${alert.toLowerCase()}`);
    t.ok(sections.has(alert), `${alert} has a section in docs/RUNBOOK.md`);
  }
  t.equal(sections.size, alerts.length, 'and no section is without an alert');
});
