import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { requireProtectedTransport, tlsFiles } from '../../src/config/transport.ts';

const folder = t.testdir();

function configOf(server: string): Config {
  const file = join(folder, 'config.toml');
  writeFileSync(file, `[server]\n${server}`);
  return loadConfig(file, {});
}

const pair = 'tls.certificate_file = "a.crt"\ntls.key_file = "a.key"\n';
const plaintext = 'allow_plaintext = true\n';

const protectedOnes: Record<string, string> = {
  loopback: 'bind_addr = "127.0.0.1:1"',
  'IPv6 loopback': 'bind_addr = "[::1]:1"',
  'a unix socket': 'bind_addr = "unix:///run/a.sock"',
  'TLS on a network': `bind_addr = "0.0.0.0:1"\n${pair}`,
  'TLS on loopback': `bind_addr = "127.0.0.1:1"\n${pair}`,
  'plaintext that somebody asked for': `bind_addr = "0.0.0.0:1"\n${plaintext}`,
};
for (const [what, server] of Object.entries(protectedOnes)) {
  t.test(`${what} starts`, async t => t.doesNotThrow(() => requireProtectedTransport(configOf(server))));
}

const refused: Record<string, readonly [server: string, message: RegExp]> = {
  'plaintext on a network': ['bind_addr = "0.0.0.0:1"', /server\.allow_plaintext = true/],
  'plaintext on IPv6': ['bind_addr = "[::]:1"', /in the clear/],
  'plaintext on a name': ['bind_addr = "vault.internal:1"', /in the clear/],
  'TLS on a unix socket': [`bind_addr = "unix:///run/a.sock"\n${pair}`, /remove one of the two/],
  'a certificate without key': [
    'tls.certificate_file = "a.crt"',
    /certificate_file is set and .*key_file is not/,
  ],
  'a key without certificate': ['tls.key_file = "a.key"', /key_file is set and .*certificate_file is not/],
  'client authorities without TLS': ['tls.client_ca_file = "a"', /client_ca_file is set/],
  'revocation lists without TLS': ['tls.client_crl_file = "a"', /client_crl_file is set/],
  'revocation lists without authorities': [`${pair}tls.client_crl_file = "a"`, /client_ca_file is not/],
};
for (const [what, [server, message]] of Object.entries(refused)) {
  t.test(`${what} is refused`, async t => {
    t.throws(() => requireProtectedTransport(configOf(server)), { name: 'StartError', message });
  });
}

t.test('the files are found beside the configuration', async t => {
  t.same(tlsFiles(configOf(pair)), {
    certificate: join(folder, 'a.crt'),
    key: join(folder, 'a.key'),
    minVersion: 'TLSv1.3',
    clientCa: null,
    clientCrl: null,
  });
  t.equal(tlsFiles(configOf('')), null);
});
