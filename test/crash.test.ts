import { randomBytes } from 'node:crypto';
import t from 'tap';
import { verifyAuditCommand } from '../src/cli/commands/audit-verify.ts';
import { install, type RunningService, startService } from './helpers/service.ts';
import { isCampaign } from './stack/tools.ts';

/** Each is a start, which is most of what this takes; the second one's is after a kill. */
const rounds = isCampaign ? 20 : 2;
const clients = 64;

/** How a request fails whose service is killed. */
const brokenBy = new Set<unknown>(['ECONNRESET', 'ECONNREFUSED', 'EPIPE']);

/** Creates one secret after another until the connection breaks; what was acknowledged is put down. */
async function createUntilKilled(
  service: RunningService,
  prefix: string,
  acknowledged: Map<string, string>,
  onAcknowledged: () => void,
): Promise<void> {
  for (let count = 0; ; count++) {
    const name = `${prefix}/${count}`;
    const value = randomBytes(16).toString('hex');
    try {
      const answer = await service.request('POST', '/secret', { name, value });
      if (answer.status !== 201) throw new Error(`create answered ${answer.status}: ${await answer.text()}`);
      acknowledged.set(name, value);
      onAcknowledged();
    } catch (error) {
      if (error instanceof Error && 'code' in error && brokenBy.has(error.code)) return;
      throw error;
    }
  }
}

t.test(`${rounds} kills in the middle of ${clients} concurrent creates lose nothing`, async t => {
  const installation = await install(t.testdir());
  const acknowledged = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    const service = await startService(installation);
    const samples = await service.scrape();
    t.ok(
      (samples.get('secrets_total') ?? 0) >= acknowledged.size,
      `round ${round}: the gauge has all acknowledged secrets on the first scrape`,
    );
    let soFar = 0;
    const enough = Promise.withResolvers<void>();
    const onAcknowledged = () => {
      soFar++;
      if (soFar > clients + round) enough.resolve();
    };
    const creating = Array.from({ length: clients }, (_, client) =>
      createUntilKilled(service, `r${round}/c${client}`, acknowledged, onAcknowledged),
    );
    await enough.promise;
    await service.stop('SIGKILL');
    await Promise.all(creating);
  }

  const service = await startService(installation);
  t.ok(acknowledged.size > rounds * clients, `${acknowledged.size} creates were acknowledged`);
  const lost: string[] = [];
  const unread = acknowledged.entries();
  const readOn = async () => {
    for (const [name, value] of unread) {
      let answer = await service.request('GET', `/secret/${name}`);
      // A busy machine: the service sheds load. What was lost would be 404.
      while (answer.status === 503) answer = await service.request('GET', `/secret/${name}`);
      const secret = (await answer.json()) as { value?: unknown };
      if (secret.value !== value) lost.push(name);
    }
  };
  await Promise.all(Array.from({ length: clients }, readOn));
  t.same(lost, [], 'every acknowledged secret is readable with its value');
  t.equal(await service.stop(), 0);
  t.equal(await verifyAuditCommand(installation.configFile, {}, text => t.comment(text)), 0);
});
