import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { type AskedService, install } from './helpers/service.ts';
import { startInProcess } from './helpers/service-in-process.ts';

const names = ['app/payroll', 'app/undecodable'];

async function askForAll(service: AskedService): Promise<number[]> {
  const answers = [
    await service.request('GET', '/secret/app/payroll'),
    await service.request('GET', '/versions/app/payroll'),
    await service.request('PUT', '/secret/app/payroll', { value: 'v2' }),
    await service.request('POST', '/rotate', { names: ['app/payroll'] }),
    await service.request('GET', '/secret/app/undecodable'),
    await service.request('GET', '/secrets'),
  ];
  return answers.map(({ status }) => status);
}

t.test('no line of the log has the name of a secret, whatever fails', async t => {
  const installation = await install(join(t.testdir(), 'service'));
  const first = await startInProcess(installation);
  for (const name of names) await first.request('POST', '/secret', { name, value: 'v' });
  await first.stop();
  const database = new DatabaseSync(join(installation.folder, 'data/vault.db'));
  database.exec("UPDATE heads SET intent_seq = intent_seq + 1 WHERE name = 'app/payroll'");
  database.exec("UPDATE heads SET metadata = '{' WHERE name = 'app/undecodable'");
  database.close();

  const service = await startInProcess(installation);
  const statuses = await askForAll(service);
  t.ok(statuses.filter(status => status >= 500).length >= 4, statuses.join(' '));
  await service.stop();
  t.match(service.output(), /"msg":"request failed"/);
  for (const name of names) t.notMatch(service.output(), name);
});
