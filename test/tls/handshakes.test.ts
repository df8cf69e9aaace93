import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { pino } from 'pino';
import t from 'tap';
import { createServer } from '../../src/http/server.ts';
import { createAuthority, loopback } from '../helpers/certificates.ts';

t.test('a client that never begins its handshake is let go of', async t => {
  const authority = await createAuthority('servers');
  const { certificate: cert, key } = await authority.issue(loopback);
  const app = createServer(pino({ level: 'silent' }), { cert, key, handshakeTimeout: 20 });
  t.teardown(() => app.close());
  await app.ready();
  app.server.listen(0, '127.0.0.1');
  await once(app.server, 'listening');
  const { port } = app.server.address() as AddressInfo;
  const silent = connect(port, '127.0.0.1');
  silent.resume();
  await once(silent, 'close', { signal: AbortSignal.timeout(5000) });
  t.equal(silent.bytesRead, 0, 'without an answer that it could not read');
});
