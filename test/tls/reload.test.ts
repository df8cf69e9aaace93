import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { TlsFiles } from '../../src/config/transport.ts';
import { CertificatesInForce } from '../../src/tls/certificates-in-force.ts';
import { createAuthority, loopback, type Pair } from '../helpers/certificates.ts';
import { TlsClient } from '../helpers/tls-client.ts';

const authority = await createAuthority('servers');
const [first, second, third] = await Promise.all(
  [1, 2, 3].map(days => authority.issue({ ...loopback, days })),
);
if (first === undefined || second === undefined || third === undefined) throw new Error('three were issued');

/** Collects what is logged, and wakes whoever waits for the next line. */
class Log {
  readonly lines: string[] = [];
  #next = Promise.withResolvers<void>();
  readonly info = (_facts: object, message: string) => this.#add(`info: ${message}`);
  readonly warn = (_facts: object, message: string) => this.#add(`warn: ${message}`);
  readonly error = (facts: object, message: string) =>
    this.#add(`error: ${message} ${JSON.stringify(facts)}`);

  /** Resolves with the lines so far once there are so many. */
  async until(count: number): Promise<readonly string[]> {
    while (this.lines.length < count) await this.#next.promise;
    return this.lines;
  }

  #add(line: string): void {
    this.lines.push(line);
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }
}

function filesIn(folder: string): TlsFiles {
  return {
    certificate: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
    minVersion: 'TLSv1.3',
    clientCa: null,
    clientCrl: null,
  };
}

function write(folder: string, { certificate, key }: Pair): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'tls.crt'), certificate);
  writeFileSync(join(folder, 'tls.key'), key, { mode: 0o600 });
}

/** A server that looks at its files all the time. */
async function follow(t: Test, files: TlsFiles): Promise<{ log: Log; served: () => Promise<string> }> {
  const log = new Log();
  const certificates = new CertificatesInForce(files, log, 5);
  const server: Server = createServer(certificates.serverOptions).listen(0, '127.0.0.1');
  await once(server, 'listening');
  certificates.follow(server);
  t.teardown(() => {
    certificates.stop();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const served = async () => {
    const socket = await new TlsClient(port, authority.certificate).connect();
    const certificate = socket.getPeerX509Certificate()?.toString() ?? '';
    socket.destroy();
    return certificate;
  };
  return { log, served };
}

/** PEM texts differ in their line ends. */
function same(t: Test, served: string, { certificate }: Pair, what: string): void {
  t.equal(served.replaceAll(/\s/g, ''), certificate.replaceAll(/\s/g, ''), what);
}

t.test('links that are swapped, as Kubernetes does', async t => {
  const folder = t.testdir();
  write(join(folder, '..1'), first);
  write(join(folder, '..2'), second);
  symlinkSync('..1', join(folder, '..data'));
  for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(folder, file));
  const { log, served } = await follow(t, filesIn(folder));
  same(t, await served(), first, 'before');
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  t.same(await log.until(1), ['info: certificate reloaded']);
  same(t, await served(), second, 'after');
});

t.test('a pair caught half written is taken over when it is whole; each fault is told once', async t => {
  const folder = t.testdir();
  write(folder, first);
  const { log, served } = await follow(t, filesIn(folder));
  writeFileSync(join(folder, 'tls.crt'), second.certificate);
  t.match((await log.until(1))[0], /^error: .*the one in force stays .*does not belong to the certificate/);
  same(t, await served(), first, 'the old one meanwhile');
  writeFileSync(join(folder, 'tls.crt'), second.certificate.slice(0, 100));
  t.match((await log.until(2))[1], /cannot be read as PEM/);
  rmSync(join(folder, 'tls.key'));
  writeFileSync(join(folder, 'tls.crt'), second.certificate);
  t.match((await log.until(3)).at(-1), /cannot read the certificate's key .*ENOENT/);
  write(folder, second);
  const lines = await log.until(4);
  t.equal(lines.at(-1), 'info: certificate reloaded');
  same(t, await served(), second, 'the new one at last');
});

t.test('a broken pair that is put back counts as mended', async t => {
  const folder = t.testdir();
  write(folder, first);
  const log = new Log();
  const certificates = new CertificatesInForce(filesIn(folder), log, 5);
  write(folder, { certificate: 'half a certi', key: first.key });
  certificates.reload();
  t.equal(certificates.lastReloadSucceeded, false);
  certificates.reload();
  t.equal(log.lines.length, 2, 'who asks is told again');
  write(folder, first);
  certificates.reload();
  t.equal(certificates.lastReloadSucceeded, true);
  write(folder, third);
  certificates.reload();
  t.equal(log.lines.at(-1), 'info: certificate reloaded');
});

const { privateKey: locked } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a' },
});
const { privateKey: small } = generateKeyPairSync('rsa', {
  modulusLength: 512,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

const refused: Record<string, readonly [(folder: string) => void, RegExp]> = {
  'no certificate': [
    folder => rmSync(join(folder, 'tls.crt')),
    /cannot read the certificate \S+tls\.crt: ENOENT/,
  ],
  'no key': [
    folder => rmSync(join(folder, 'tls.key')),
    /cannot read the certificate's key \S+tls\.key: ENOENT/,
  ],
  'a certificate that is none': [
    folder => writeFileSync(join(folder, 'tls.crt'), 'a'),
    /the certificate \S+tls\.crt cannot be read as PEM/,
  ],
  'a key that is none': [
    folder => writeFileSync(join(folder, 'tls.key'), 'a'),
    /key \S+tls\.key is no private key in PEM without passphrase/,
  ],
  'a key under a passphrase': [
    folder => writeFileSync(join(folder, 'tls.key'), locked),
    /is no private key in PEM without passphrase/,
  ],
  'a key of another certificate': [
    folder => writeFileSync(join(folder, 'tls.key'), second.key),
    /the key \S+tls\.key does not belong to the certificate \S+tls\.crt/,
  ],
  'a key of another kind': [folder => writeFileSync(join(folder, 'tls.key'), small), /does not belong to/],
  'a key that others can read': [
    folder => chmodSync(join(folder, 'tls.key'), 0o644),
    /tls\.key is open to other users \(mode 0644\); run: chmod g-w,o= '\S+tls\.key'/,
  ],
  'a key that the group can change': [folder => chmodSync(join(folder, 'tls.key'), 0o660), /\(mode 0660\)/],
  'a folder for a key': [
    folder => {
      rmSync(join(folder, 'tls.key'));
      mkdirSync(join(folder, 'tls.key'));
    },
    /is not a regular file/,
  ],
};
for (const [what, [damage, message]] of Object.entries(refused)) {
  t.test(`${what} is refused with the file and the reason`, async t => {
    const folder = t.testdir();
    write(folder, first);
    damage(folder);
    t.throws(() => new CertificatesInForce(filesIn(folder), new Log()), { name: 'StartError', message });
  });
}

t.test('a key that its group may read is accepted', async t => {
  const folder = t.testdir();
  write(folder, first);
  chmodSync(join(folder, 'tls.key'), 0o640);
  t.doesNotThrow(() => new CertificatesInForce(filesIn(folder), new Log()));
});

const trust: Record<string, readonly [ca: string, crl: string | null, RegExp]> = {
  'authorities that are none': ['a', null, /clients\.crt holds no CERTIFICATE in PEM/],
  'a broken authority': [
    first.certificate.replace(/\n.{20}/, '\n'),
    null,
    /the client authorities \S+clients\.crt cannot be read/,
  ],
  'a revocation list that is none': [authority.certificate, 'a', /clients\.crl holds no X509 CRL in PEM/],
};
for (const [what, [ca, crl, message]] of Object.entries(trust)) {
  t.test(`${what} is refused`, async t => {
    const folder = t.testdir({ 'clients.crt': ca, 'clients.crl': crl ?? '' });
    write(folder, first);
    const files = {
      ...filesIn(folder),
      clientCa: join(folder, 'clients.crt'),
      clientCrl: crl === null ? null : join(folder, 'clients.crl'),
    };
    t.throws(() => new CertificatesInForce(files, new Log()), { name: 'StartError', message });
  });
}
