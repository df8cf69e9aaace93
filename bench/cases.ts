import type { Variant } from './processes.ts';
import type { Ratio } from './ratios.ts';

/** One path of one variant of the server, with a process of its own, so that none has more to do between its turns. */
export interface Case {
  readonly name: string;
  readonly variant: Variant;
  readonly path: string;
  /** Until no more code is compiled. */
  readonly warmSeconds: number;
}

/** Cases that are measured in turns. */
export interface Suite {
  /** In this order in one turn and in the reverse in the next: what is compared stands side by side. */
  readonly cases: readonly Case[];
  readonly turns: number;
  readonly ratios: readonly Ratio[];
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

/** Two cases and their ratio: of each pair of turns, either has one after a rest and one at once. */
function pair(name: string, of: Case, to: Case, turns: number): Suite {
  return { cases: [of, to], turns, ratios: [{ name, of: of.name, to: to.name }] };
}

/** What tokens and traces cost. It is less than what two processes of one program differ by: many rounds tell. */
export const readsSuites: readonly Suite[] = [
  pair(tokenToHeader, reading(getByToken, 'token'), byHeader, 6),
  pair(tracedToNot, reading(getTraced, 'traced-0.01'), byHeader, 6),
];

/** What the service costs beside bare Fastify, and what its metrics, tokens and traces do. */
export const serviceSuites: readonly Suite[] = [
  pair(getToBare, byHeader, { name: bareRoute, variant: 'bare', path: '/', warmSeconds: 2 }, 3),
  ...readsSuites,
  pair(healthOnToOff, health(healthOn, 'on'), health(healthOff, 'off'), 4),
];

const tracesOff = reading('`GET /secret`, traces off', 'on');

/** What traces cost, pushed to a collector beside; and what @opentelemetry/instrumentation-http would. */
export const tracesSuites: readonly Suite[] = [
  reading('`GET /secret`, traces at 0 %', 'traced-0'),
  reading(getTraced, 'traced-0.01'),
  reading('`GET /secret`, traces at 100 %', 'traced-1'),
  reading('`GET /secret`, instrumentation-http at 1 %', 'instrumented-0.01'),
].map(traced => pair(`${traced.name.replace('`GET /secret`, ', '')} : off`, traced, tracesOff, 4));
