import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { Test } from 'tap';
import { buildApp } from '../../src/app.ts';
import type { AuditEntry } from '../../src/audit/record.ts';
import type { Limits } from '../../src/config/limits.ts';
import type { ReadSecret, Vault } from '../../src/vault/vault.ts';
import { noMetrics } from '../../telemetry/instruments.ts';
import { noTracing } from '../../telemetry/tracing.ts';

/** The HTTP side alone, in this process, on a vault that answers reads when the test says so. */
export interface RunningApp {
  readonly url: string;
  /** Reads that the vault has been asked for so far. */
  readonly reads: () => number;
  /** Refusals that were recorded, by their outcome. */
  readonly recorded: readonly string[];
  /** What the metrics counted, such as `limited client`. */
  readonly counted: readonly string[];
  /** Requests that have arrived so far. */
  readonly arrived: () => number;
  /** Answers the reads that wait, and all to come. */
  release(): void;
}

export const unlimited: Limits = {
  client: null,
  address: null,
  failedAuthentication: null,
  maxConnections: 1000,
  maxRequests: 1000,
  answerBytes: 64 * 1024 * 1024,
  connectionAnswerBytes: 1024 * 1024,
};

const secret: ReadSecret = {
  name: 'a',
  value: 'v'.repeat(60_000),
  version: 1,
  kid: 'k',
  createdAt: 0,
  expiresAt: 0,
  metadata: {},
};

/** @param held whether reads wait for `release` */
export async function runApp(t: Test, limits: Partial<Limits>, held = false): Promise<RunningApp> {
  const recorded: string[] = [];
  const counted: string[] = [];
  const gate = Promise.withResolvers<void>();
  if (!held) gate.resolve();
  let reads = 0;
  let arrived = 0;
  const vault: Pick<Vault, 'create' | 'list' | 'read' | 'rotate'> = {
    read: async (_caller, name) => {
      reads++;
      await gate.promise;
      return name === 'small' ? { ...secret, value: 'v' } : secret;
    },
    create: async () => secret,
    list: async () => ({ secrets: [], damaged: [], rowsRead: 250, nextCursor: null }),
    rotate: async (_caller, names) => {
      const generator = names.includes('own') ? { type: 'rsa-2048' } : null;
      return names.map(() => ({ ...secret, generator }));
    },
  };
  const app = await buildApp({
    identity: 'header',
    vault: vault as Vault,
    metrics: {
      ...noMetrics(),
      requestLimited: limit => void counted.push(`limited ${limit}`),
      requestShed: () => void counted.push('shed'),
      connectionDropped: reason => void counted.push(reason),
    },
    refusals: { record: async ({ outcome }: AuditEntry) => void recorded.push(String(outcome)) },
    logger: pino({ level: 'silent' }),
    tls: null,
    clientOfCertificate: () => null,
    tracing: noTracing,
    expectedHosts: [],
    limits: { ...unlimited, ...limits },
    defaultGrace: 0,
    exposition: { render: async () => ({ status: 200, headers: {}, body: 'up 1\n' }) },
    health: {
      version: '0',
      uptime: () => 0,
      secretsCount: () => 0,
      checks: (['store', 'keys', 'audit'] as const).map(name => ({ name, check: async () => undefined })),
    },
  });
  await app.ready();
  app.server.on('request', () => arrived++);
  app.server.listen(0, '127.0.0.1');
  await once(app.server, 'listening');
  t.teardown(() => {
    gate.resolve();
    app.server.closeAllConnections();
    return app.close();
  });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    reads: () => reads,
    recorded,
    counted,
    arrived: () => arrived,
    release: gate.resolve,
  };
}

/** Polls, since what ends on one side is seen on the other a little later. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not come to pass in 5 s');
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
