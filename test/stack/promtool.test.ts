import { spawnSync } from 'node:child_process';
import t from 'tap';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';
import { findTool, skipWithout } from './tools.ts';

/** The names were given to us (DESIGN §6): two counters lack the suffix, one gauge has it. */
const expectedComplaints = [
  'http_requests_error counter metrics should have "_total" suffix',
  'http_requests_success counter metrics should have "_total" suffix',
  'secrets_total non-counter metrics should not have "_total" suffix',
];

t.test(
  'promtool accepts a scrape but for the names that were given',
  {
    skip: skipWithout('promtool'),
  },
  async t => {
    const service = await startInProcess(await install(t.testdir()));
    await service.request('POST', '/secret', { name: 'test', value: 'val' });
    await service.request('GET', '/secret/test');
    await service.request('GET', '/secret/test', undefined, { 'x-jarvis-client': 'nobody' });
    const scrape = await (await fetch(`${service.url}/metrics`)).text();
    await service.stop();

    const { stderr, status } = spawnSync(findTool('promtool') ?? 'promtool', ['check', 'metrics'], {
      input: scrape,
      encoding: 'utf8',
    });
    const complaints = stderr.split('\n').filter(line => line !== '');
    t.same(complaints.sort(), expectedComplaints);
    t.equal(status, 3, 'complaints about names, no parse error');
  },
);
