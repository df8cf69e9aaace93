import type { Variant } from './processes.ts';

/** One path of one variant of the server, with a process of its own, so that none has more to do between its turns. */
export interface Case {
  readonly name: string;
  readonly variant: Variant;
  readonly path: string;
  /** Until no more code is compiled. */
  readonly warmSeconds: number;
}

/** Two cases that are measured in turns, so that each has the machine of the other, and what the one is of the other. */
export interface Comparison {
  readonly name: string;
  readonly of: Case;
  readonly to: Case;
  readonly turns: number;
}

const bareRoute = 'bare Fastify route';
export const healthOn = '`/healthz`, metrics on';
export const healthOff = '`/healthz`, metrics off';
const getByHeader = '`GET /secret`, header identity';
const getByToken = '`GET /secret`, token identity';
const getTraced = '`GET /secret`, traces at 1 %';

export const healthOnToOff = '`/healthz`: metrics on : off';
export const getToBare = '`GET /secret` : bare route';
export const tokenToHeader = '`GET /secret`: token : header identity';
export const tracedToNot = '`GET /secret`: traces at 1 % : off';

/** After 5 s a tenth of the code is still to be compiled, at some reads. */
function reading(name: string, variant: Variant): Case {
  return { name, variant, path: '/secret/test', warmSeconds: 6 };
}

function health(name: string, variant: Variant): Case {
  return { name, variant, path: '/healthz', warmSeconds: 2 };
}

const byHeader = reading(getByHeader, 'on');

/** What tokens and traces cost. It is less than what two processes of one program differ by: many rounds tell. */
export const readComparisons: readonly Comparison[] = [
  { name: tokenToHeader, of: reading(getByToken, 'token'), to: byHeader, turns: 4 },
  { name: tracedToNot, of: reading(getTraced, 'traced-0.01'), to: byHeader, turns: 4 },
];

/** What the service costs beside bare Fastify, and what its metrics, tokens and traces do. */
export const serviceComparisons: readonly Comparison[] = [
  {
    name: getToBare,
    of: byHeader,
    to: { name: bareRoute, variant: 'bare', path: '/', warmSeconds: 2 },
    turns: 3,
  },
  ...readComparisons,
  { name: healthOnToOff, of: health(healthOn, 'on'), to: health(healthOff, 'off'), turns: 4 },
];

const tracesOff = reading('`GET /secret`, traces off', 'on');

/** What traces cost, pushed to a collector beside; and what @opentelemetry/instrumentation-http would. */
export const traceComparisons: readonly Comparison[] = [
  reading('`GET /secret`, traces at 0 %', 'traced-0'),
  reading(getTraced, 'traced-0.01'),
  reading('`GET /secret`, traces at 100 %', 'traced-1'),
  reading('`GET /secret`, instrumentation-http at 1 %', 'instrumented-0.01'),
].map(traced => ({
  name: `${traced.name.replace('`GET /secret`, ', '')} : off`,
  of: traced,
  to: tracesOff,
  turns: 4,
}));
