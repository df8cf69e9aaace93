/**
 * Stops under clients that never pause: a request that the service has taken, or the kernel for it, is answered. JARVIS_STOPS is how
 * many of them are made, with TLS and without.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createAuthority, loopback } from '../helpers/certificates.ts';
import { Load, LoadClient } from '../helpers/load.ts';
import { install, startService } from '../helpers/service.ts';
import { until } from './programs.ts';

t.setTimeout(3_600_000);

const clientsCount = 40;
const stopsCount = Number(process.env['JARVIS_STOPS'] ?? 2);

for (const tls of [false, true]) {
  t.test(`stops reset no request, ${tls ? 'with' : 'without'} TLS`, async t => {
    const environment: Record<string, string> = {};
    let ca: string | undefined;
    if (tls) {
      const authority = await createAuthority('servers');
      const pair = await authority.issue(loopback);
      const folder = t.testdir({ 'server.crt': pair.certificate });
      writeFileSync(join(folder, 'server.key'), pair.key, { mode: 0o600 });
      environment['JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE'] = join(folder, 'server.crt');
      environment['JARVIS_SECRETSD_SERVER_TLS_KEY_FILE'] = join(folder, 'server.key');
      ca = authority.certificate;
    }
    const installation = await install(join(t.testdirName, 'service'), environment);
    const url = `${tls ? 'https' : 'http'}://127.0.0.1:${installation.port}`;
    let answered = 0;
    for (let stop = 0; stop < stopsCount; stop++) {
      const service = await startService(installation);
      const clients = Array.from(
        { length: clientsCount },
        (_, index) => new LoadClient({ url, ca, keepAlive: true, secret: `load/${index}` }),
      );
      const load = new Load(clients, 8);
      await until('the load runs', async () => load.tally.answered >= clientsCount * (2 + (stop % 5)));
      const code = await service.stop();
      const tally = await load.stop();
      answered += tally.answered;
      judge(t, stop, code, tally.failures);
    }
    t.comment(`${answered} requests answered`);
  });
}

function judge(t: Test, stop: number, code: number | null, failures: readonly string[]): void {
  t.same({ code, failures: failures.slice(0, 5) }, { code: 0, failures: [] }, `stop ${stop}`);
}
