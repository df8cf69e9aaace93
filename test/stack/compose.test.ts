import { spawnSync } from 'node:child_process';
import t from 'tap';
import { parse } from 'yaml';
import { composeFile, composeServices } from '../consistency/compose.ts';
import { checkout } from '../helpers/service.ts';
import { campaignOnly, findTool, skipWithout } from './tools.ts';

const full = ['--env-file', 'packaging/full.env'];
const withBackEnds = {
  environment: { TRACES_EXPORTER: 'otlp_http/traces', LOGS_EXPORTER: 'otlp_http/logs' },
};
const always = composeServices.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name);

/** What Compose makes of the file. */
interface Project {
  readonly services: Readonly<Record<string, Record<string, unknown>>>;
}

function run(tool: string, args: readonly string[]) {
  const { PATH = '', HOME = '' } = process.env;
  const options = { cwd: checkout, encoding: 'utf8', env: { PATH, HOME } } as const;
  return spawnSync(findTool(tool) ?? tool, args, options);
}

t.test(
  'docker-compose 1 reads the file',
  { skip: campaignOnly || skipWithout('docker-compose') },
  async t => {
    const read = (args: readonly string[]): Project => {
      const { status, stdout, stderr } = run('docker-compose', [...args, 'config']);
      t.same({ status, stderr }, { status: 0, stderr: '' });
      return parse(stdout);
    };
    const { services } = read([]);
    t.same(Object.keys(services).toSorted(), Object.keys(composeFile.services).toSorted());
    for (const [name, { profiles }] of composeServices) t.same(services[name]?.['profiles'], profiles, name);
    t.match(services['otel-collector'], { environment: { TRACES_EXPORTER: 'nop', LOGS_EXPORTER: 'nop' } });
    t.match(read(full).services['otel-collector'], withBackEnds);
  },
);

t.test(
  "the Compose plugin's library reads the file, and as it is meant",
  { skip: campaignOnly || skipWithout('compose') },
  async t => {
    const read = (args: readonly string[]): Project => {
      const { status, stdout, stderr } = run('compose', args);
      t.same({ status, stderr }, { status: 0, stderr: '' });
      return JSON.parse(stdout);
    };
    const plain = read([]);
    t.same(Object.keys(plain.services).toSorted(), always.toSorted());
    t.match(plain.services['otel-collector'], {
      environment: { TRACES_EXPORTER: 'nop', LOGS_EXPORTER: 'nop' },
    });
    for (const [name, service] of Object.entries(plain.services))
      t.match(service, { read_only: true, cap_drop: ['ALL'], mem_limit: /^\d+$/ }, name);
    const { services } = read(full);
    t.same(Object.keys(services).toSorted(), Object.keys(composeFile.services).toSorted());
    t.match(services['otel-collector'], withBackEnds);
  },
);
