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

/** What tokens and traces cost. It is less than what two processes of one program differ by: many rounds tell. */
export const readsSuite: Suite = {
  cases: [reading(getByToken, 'token'), byHeader, reading(getTraced, 'traced-0.01')],
  turns: 8,
  ratios: [
    { name: tokenToHeader, of: getByToken, to: getByHeader },
    { name: tracedToNot, of: getTraced, to: getByHeader },
  ],
};

/** What the service costs beside bare Fastify, and what its metrics, tokens and traces do. */
export const serviceSuites: readonly Suite[] = [
  {
    cases: [{ name: bareRoute, variant: 'bare', path: '/', warmSeconds: 2 }, byHeader],
    turns: 3,
    ratios: [{ name: getToBare, of: getByHeader, to: bareRoute }],
  },
  readsSuite,
  {
    cases: [health(healthOff, 'off'), health(healthOn, 'on')],
    turns: 4,
    ratios: [{ name: healthOnToOff, of: healthOn, to: healthOff }],
  },
];

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
  turns: 6,
  ratios: tracedCases.map(({ name }) => ({
    name: `${name.replace('`GET /secret`, ', '')} : off`,
    of: name,
    to: tracesOff,
  })),
};
