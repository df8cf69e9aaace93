/**
 * A bare route whose metrics are kept one way or the other: `node bench/peers/instrumented-server.ts INSTRUMENTATION PORT`.
 * Prints `ready` once it listens.
 */
import { argv, stdout } from 'node:process';
import Fastify from 'fastify';
import { instrumentation } from './instrumentation.ts';

const [name = '', port] = argv.slice(2);
const app = Fastify();
const secretWasRead = await instrumentation(name)(app);

/** An object of the size of a secret's. */
app.get('/secret', async request => {
  secretWasRead(request);
  return {
    name: 'test',
    value: 'val',
    version: 1,
    kid: 'k1',
    created_at: '2026-01-01T00:00:00.000Z',
    expires_at: '2026-04-01T00:00:00.000Z',
    metadata: {},
  };
});

await app.listen({ host: '127.0.0.1', port: Number(port) });
stdout.write('ready\n');
