import type { Variant } from './processes.ts';

/** One path of one variant of the server. */
export interface Case {
  readonly name: string;
  readonly variant: Variant;
  readonly path: string;
}

/** Two cases of a suite, by name. */
export interface Ratio {
  readonly name: string;
  readonly of: string;
  readonly to: string;
}

export interface Suite {
  /** Measured in this order in one round and in the reverse in the next: what is compared stands close together. */
  readonly cases: readonly Case[];
  readonly ratios: readonly Ratio[];
}

export const bareRoute = 'bare Fastify route';
export const healthOn = '`/healthz`, metrics on';
export const healthOff = '`/healthz`, metrics off';
export const getByHeader = '`GET /secret`, header identity';
export const getByToken = '`GET /secret`, token identity';
const getWithoutMetrics = '`GET /secret`, metrics off';
export const getTraced = '`GET /secret`, traces at 1 %';

function reading(name: string, variant: Variant): Case {
  return { name, variant, path: '/secret/test' };
}

/** What the service costs beside bare Fastify, and what its metrics, tokens and traces do. */
export const serviceSuite: Suite = {
  cases: [
    { name: bareRoute, variant: 'bare', path: '/' },
    reading(getByHeader, 'on'),
    reading(getByToken, 'token'),
    reading(getTraced, 'traced-0.01'),
    reading(getWithoutMetrics, 'off'),
    { name: healthOff, variant: 'off', path: '/healthz' },
    { name: healthOn, variant: 'on', path: '/healthz' },
  ],
  ratios: [
    { name: '`/healthz`: metrics on : off', of: healthOn, to: healthOff },
    { name: '`GET /secret`: metrics on : off', of: getByHeader, to: getWithoutMetrics },
    { name: '`GET /secret` : bare route', of: getByHeader, to: bareRoute },
    { name: '`GET /secret`: token : header identity', of: getByToken, to: getByHeader },
    { name: '`GET /secret`: traces at 1 % : off', of: getTraced, to: getByHeader },
  ],
};

const tracesOff = '`GET /secret`, traces off';
const tracedCases = [
  reading('`GET /secret`, traces at 0 %', 'traced-0'),
  reading(getTraced, 'traced-0.01'),
  reading('`GET /secret`, traces at 100 %', 'traced-1'),
  reading('`GET /secret`, instrumentation-http at 1 %', 'instrumented-0.01'),
];

/** What traces cost, pushed to a collector beside; and what @opentelemetry/instrumentation-http would. */
export const tracesSuite: Suite = {
  cases: [reading(tracesOff, 'on'), ...tracedCases],
  ratios: tracedCases.map(({ name }) => ({
    name: `${name.replace('`GET /secret`, ', '')} : off`,
    of: name,
    to: tracesOff,
  })),
};
