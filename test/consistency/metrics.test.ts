import t from 'tap';
import { catalogue } from '../../telemetry/catalogue.ts';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

/** What the SDK adds of itself: the resource. */
const notOurs = ['target_info'];

t.test('a real scrape has what the catalogue says, and no more', async t => {
  const service = await startInProcess(await install(t.testdir()));
  await service.request('POST', '/secret', { name: 'a', value: 'v' });
  await service.request('GET', '/secret/a');
  let text = '';
  // Node's delay of the event loop is reported from its fifth sample on, one each 10 ms.
  for (let scrapes = 0; scrapes < 1000 && !text.includes('nodejs_eventloop_delay_p99'); scrapes++) {
    text = await (await service.request('GET', '/metrics')).text();
  }
  await service.stop();
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => [name, type]),
  );
  const helps = new Map(
    [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help]) => [name, help]),
  );

  const known = new Map(catalogue.map(definition => [definition.name as string, definition]));
  for (const [name, type] of types) {
    if (notOurs.includes(name)) continue;
    const definition = known.get(name);
    t.equal(type, definition?.kind, `${name} is of its kind`);
    t.equal(helps.get(name), definition?.help, `${name} has its help`);
    for (const [, labels = ''] of text.matchAll(
      new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, 'gm'),
    )) {
      const used = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).filter(label => label !== 'le');
      const allowed = (definition?.attributes ?? []).map(attribute => attribute.replaceAll('.', '_'));
      t.same(
        used.filter(label => !allowed.includes(label ?? '')),
        [],
        `${name} has only its labels`,
      );
    }
  }
  const missing = catalogue.filter(({ attributes, name }) => attributes.length === 0 && !types.has(name));
  t.same(missing, [], 'all without labels are there, the fifteen among them');

  const untyped = [...text.matchAll(/^(\w+)[{ ]/gm)]
    .map(([, name = '']) => name)
    .filter(name => !types.has(name) && !types.has(name.replace(/_(bucket|sum|count)$/, '')));
  t.same(untyped, [], 'no series without its type');
});
