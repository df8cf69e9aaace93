import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createAuthority, loopback } from '../helpers/certificates.ts';
import { install, writePolicy } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';
import { TlsClient } from '../helpers/tls-client.ts';

t.test('a rule that names an authority holds for certificates of that authority alone', async t => {
  const servers = await createAuthority('servers');
  // Of one name, so that only the signature tells them apart.
  const own = await createAuthority('clients');
  const other = await createAuthority('clients');
  const names = [{ type: 'dns', value: 'web.internal' } as const];
  const issued = { own: await own.issue({ names }), other: await other.issue({ names }) };
  const server = await servers.issue(loopback);
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: 'server.crt',
    JARVIS_SECRETSD_SERVER_TLS_KEY_FILE: 'server.key',
    JARVIS_SECRETSD_SERVER_TLS_CLIENT_CA_FILE: 'clients.crt',
  });
  const path = (file: string) => join(installation.folder, file);
  writeFileSync(path('server.crt'), server.certificate);
  writeFileSync(path('server.key'), server.key, { mode: 0o600 });
  writeFileSync(path('clients.crt'), `${own.certificate}\n${other.certificate}`);
  const { fingerprint256 } = new X509Certificate(own.certificate);
  writePolicy(
    installation,
    `clients: {web: {allow: ["*"], certificates: [{name: "DNS:web.internal", authority: "${fingerprint256}"}]}}`,
  );
  const service = await startInProcess(installation);
  const ask = async (pair: { certificate: string; key: string }) =>
    (await new TlsClient(installation.port, servers.certificate, pair).request('/secret/app/none')).status;
  t.equal(await ask(issued.own), 404, 'known, and there is no such secret');
  t.equal(await ask(issued.other), 401, 'trusted, but not for this client');
  const smuggled = { ...issued.other, certificate: `${issued.other.certificate}\n${own.certificate}` };
  t.equal(await ask(smuggled), 401, 'also with the certificate of the authority sent along');
  await service.stop();
});
