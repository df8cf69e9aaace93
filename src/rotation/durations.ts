import { ServiceError } from '../errors.ts';
import { Type } from '../json-schema.ts';

/** Milliseconds, largest first. */
const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;

type Unit = keyof typeof units;

/**
 * Which durations a field takes, both ends included, in milliseconds: `90d`, `12h`, `30m`, `45s`, or a number of whole
 * seconds. `text` is the one check of spellings, so that the API's description says exactly what is accepted.
 */
interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly text: RegExp;
}

const every: Bounds = {
  min: units.m,
  max: 9999 * units.d,
  text: /^([1-9][0-9]{0,3}d|[1-9][0-9]{0,4}h|[1-9][0-9]{0,6}m|([6-9][0-9]|[1-9][0-9]{2,7})s)$/,
};
const grace: Bounds = {
  min: 0,
  max: 9999 * units.d,
  text: /^(0[dhms]|[1-9][0-9]{0,3}d|[1-9][0-9]{0,4}h|[1-9][0-9]{0,6}m|[1-9][0-9]{0,7}s)$/,
};
const lifetime: Bounds = {
  min: units.s,
  max: 999 * units.d,
  text: /^([1-9][0-9]{0,2}d|[1-9][0-9]{0,3}h|[1-9][0-9]{0,5}m|[1-9][0-9]{0,6}s)$/,
};

/** What the parsers below accept, as JSON Schemas. */
export const everySchema = schemaOf(every);
export const graceSchema = schemaOf(grace);
export const lifetimeSchema = schemaOf(lifetime);

/** How often a secret rotates, in milliseconds: 1 minute to 9999 days. Throws ServiceError `bad_request`. */
export function parseEvery(input: unknown, field = 'rotation.every'): number {
  return parseDuration(input, field, every);
}

/** How long a replaced version stays readable, in milliseconds: 0 to 9999 days. Throws ServiceError `bad_request`. */
export function parseGrace(input: unknown, field = 'rotation.grace'): number {
  return parseDuration(input, field, grace);
}

/** How long a token is good for, in milliseconds: 1 second to 999 days. Throws ServiceError `bad_request`. */
export function parseLifetime(input: unknown, field = 'expires_in'): number {
  return parseDuration(input, field, lifetime);
}

/** The shortest exact spelling of whole seconds given in milliseconds: 5,400,000 is `90m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  for (const [unit, size] of Object.entries(units)) {
    if (milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  throw new RangeError(`${milliseconds} ms is not a whole number of seconds`);
}

function parseDuration(input: unknown, field: string, { min, max, text }: Bounds): number {
  if (typeof input === 'string' && text.test(input)) {
    return Number(input.slice(0, -1)) * units[input.slice(-1) as Unit];
  }
  const milliseconds = typeof input === 'number' && Number.isSafeInteger(input) ? input * units.s : null;
  if (milliseconds !== null && milliseconds >= min && milliseconds <= max) return milliseconds;
  throw new ServiceError('bad_request', `${field} must be ${spelling({ min, max })}.`);
}

function schemaOf({ min, max, text }: Bounds) {
  const description = `A duration is ${spelling({ min, max })}.`;
  return Type.Union(
    [
      Type.String({ pattern: text.source, description }),
      Type.Integer({ minimum: min / units.s, maximum: max / units.s, description }),
    ],
    { description },
  );
}

function spelling({ min, max }: Pick<Bounds, 'min' | 'max'>): string {
  return `${formatDuration(min)} to ${formatDuration(max)}, like "90d", "12h", "30m" or "45s", or whole seconds`;
}
