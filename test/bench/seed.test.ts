import t from 'tap';
import { secretName } from '../../bench/names.ts';
import { seedVault } from '../../bench/vaults.ts';
import { verifyAuditCommand } from '../../src/cli/commands/audit-verify.ts';
import { freePort } from '../../tools/free-port.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

t.test(
  'a vault filled for the benchmark is one that the service serves, and its audit log is whole',
  async t => {
    const folder = await seedVault(t.testdir(), 5001);
    const port = await freePort();
    const environment = { JARVIS_SECRETSD_SERVER_BIND_ADDR: `127.0.0.1:${port}` };
    const installation = { folder, configFile: `${folder}/config.toml`, port, environment };
    const service = await startInProcess(installation);
    for (const index of [0, 4999, 5000]) {
      const answer = await service.request('GET', `/secret/${secretName(index)}`);
      t.equal(answer.status, 200);
      t.match(await answer.json(), { name: secretName(index), value: /./, version: 1 });
    }
    t.equal((await service.request('GET', `/secret/${secretName(5001)}`)).status, 404);
    t.match(await (await service.request('GET', '/healthz')).json(), { secrets_count: 5001 });
    t.equal((await service.request('PUT', `/secret/${secretName(7)}`, { value: 'another' })).status, 200);
    await service.stop();
    let output = '';
    const code = await verifyAuditCommand(installation.configFile, environment, text => {
      output += text;
    });
    t.equal(code, 0, output);
    t.match(output, /the audit log is whole/);
  },
);
