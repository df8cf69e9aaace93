import type { Variant } from './processes.ts';
import type { Ratio } from './report.ts';

/** One path of one variant of the server. */
export interface Case {
  readonly name: string;
  readonly variant: Variant;
  readonly path: string;
}

export interface Suite {
  readonly cases: readonly Case[];
  readonly ratios: readonly Ratio[];
}

/** What the service and its metrics cost. */
export const metricsSuite: Suite = {
  cases: [
    { name: 'bare Fastify route', variant: 'bare', path: '/' },
    { name: '/healthz, metrics on', variant: 'on', path: '/healthz' },
    { name: '/healthz, metrics off', variant: 'off', path: '/healthz' },
    { name: 'GET /secret/test, metrics on', variant: 'on', path: '/secret/test' },
    { name: 'GET /secret/test, metrics off', variant: 'off', path: '/secret/test' },
    { name: 'GET /secret/test, token identity', variant: 'token', path: '/secret/test' },
  ],
  ratios: [
    { name: '/healthz, metrics on : off', of: '/healthz, metrics on', to: '/healthz, metrics off' },
    {
      name: 'GET /secret/test, metrics on : off',
      of: 'GET /secret/test, metrics on',
      to: 'GET /secret/test, metrics off',
    },
    {
      name: 'GET /secret/test, token identity : header identity',
      of: 'GET /secret/test, token identity',
      to: 'GET /secret/test, metrics on',
    },
    { name: '/healthz, metrics on : bare', of: '/healthz, metrics on', to: 'bare Fastify route' },
    {
      name: 'GET /secret/test, metrics on : bare',
      of: 'GET /secret/test, metrics on',
      to: 'bare Fastify route',
    },
  ],
};

const tracesOff = 'GET /secret/test, traces off';

function traced(name: string, variant: Variant): Case {
  return { name: `GET /secret/test, ${name}`, variant, path: '/secret/test' };
}

const tracedCases = [
  traced('traces at 0 %', 'traced-0'),
  traced('traces at 1 %', 'traced-0.01'),
  traced('traces at 100 %', 'traced-1'),
  traced('instrumentation-http at 1 %', 'instrumented-0.01'),
];

/** What traces cost, pushed to a collector beside; and what @opentelemetry/instrumentation-http would. */
export const tracesSuite: Suite = {
  cases: [{ name: tracesOff, variant: 'on', path: '/secret/test' }, ...tracedCases],
  ratios: tracedCases.map(({ name }) => ({
    name: `${name.replace('GET /secret/test, ', '')} : off`,
    of: name,
    to: tracesOff,
  })),
};
