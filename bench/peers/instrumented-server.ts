/**
 * A bare route whose metrics are kept one way or the other: `bin/pinned-node bench/peers/instrumented-server.ts INSTRUMENTATION PORT`.
 * Prints `ready` once it listens.
 */
import { argv, stdout } from 'node:process';
import Fastify from 'fastify';
import { secretAnswer } from '../secret-answer.ts';
import { instrumentation } from './instrumentation.ts';

const [name = '', port] = argv.slice(2);
const app = Fastify();
const secretWasRead = await instrumentation(name)(app);

app.get('/secret', async request => {
  secretWasRead(request);
  return secretAnswer();
});

await app.listen({ host: '127.0.0.1', port: Number(port) });
stdout.write('ready\n');
