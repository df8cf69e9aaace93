import { Type } from '../../json-schema.ts';
import type { Api } from '../api.ts';
import { handlerDeadline } from '../handler-deadline.ts';
import * as schemas from '../schemas.ts';

/** One condition of readiness; `check` rejects when it does not hold. */
export interface ReadinessCheck {
  readonly name: 'store' | 'keys' | 'audit';
  readonly check: () => Promise<void>;
}

export interface HealthFacts {
  readonly version: string;
  /** Seconds since the start. */
  readonly uptime: () => number;
  readonly secretsCount: () => number;
  readonly checks: readonly ReadinessCheck[];
}

const status = Type.Enum(['ok', 'failed']);

/** `/healthz`: the process lives. `/readyz`: it can serve. Both without identity, for probes. */
export function healthRoutes(api: Api, facts: HealthFacts): void {
  api.get(
    '/healthz',
    {
      exposeHeadRoute: true,
      schema: {
        summary: 'Whether the process lives',
        security: [],
        response: {
          200: Type.Object(
            {
              status: Type.Literal('ok'),
              version: Type.String(),
              uptime_secs: Type.Integer(),
              secrets_count: Type.Integer(),
            },
            schemas.strict,
          ),
        },
      },
    },
    async () => ({
      status: 'ok' as const,
      version: facts.version,
      uptime_secs: Math.floor(facts.uptime()),
      secrets_count: facts.secretsCount(),
    }),
  );

  const report = Type.Object(
    { status, checks: Type.Object({ store: status, keys: status, audit: status }, schemas.strict) },
    schemas.strict,
  );
  api.get(
    '/readyz',
    {
      exposeHeadRoute: true,
      handlerTimeout: handlerDeadline,
      schema: {
        summary: 'Whether the service can serve',
        security: [],
        response: { 200: report, 503: report },
      },
    },
    async (_request, reply) => {
      const outcomes = await Promise.all(facts.checks.map(outcome));
      const checks = Object.fromEntries(outcomes) as Record<ReadinessCheck['name'], 'ok' | 'failed'>;
      const ready = outcomes.every(([, result]) => result === 'ok');
      reply.code(ready ? 200 : 503);
      return { status: ready ? ('ok' as const) : ('failed' as const), checks };
    },
  );
}

async function outcome({ name, check }: ReadinessCheck): Promise<[ReadinessCheck['name'], 'ok' | 'failed']> {
  try {
    await check();
    return [name, 'ok'];
  } catch {
    return [name, 'failed'];
  }
}
