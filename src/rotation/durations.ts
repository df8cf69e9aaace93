import { ServiceError } from '../errors.ts';

/** Milliseconds, largest first. */
const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;

/** `90d`, `12h`, `30m`, `45s`; a JSON number is whole seconds. */
const shape = /^([0-9]{1,9})([dhms])$/;

/** Both ends included, in milliseconds. */
interface Bounds {
  readonly min: number;
  readonly max: number;
}

const tenYears = 3650 * units.d;
const everyBounds: Bounds = { min: units.m, max: tenYears };
const lifetimeBounds: Bounds = { min: units.m, max: 365 * units.d };
const graceBounds: Bounds = { min: 0, max: tenYears };

/** How often a secret rotates, in milliseconds: 1 minute to 10 years. Throws ServiceError `bad_request`. */
export function parseEvery(input: unknown, field = 'rotation.every'): number {
  return parseDuration(input, field, everyBounds);
}

/** How long a replaced version stays readable, in milliseconds: 0 to 10 years. Throws ServiceError `bad_request`. */
export function parseGrace(input: unknown, field = 'rotation.grace'): number {
  return parseDuration(input, field, graceBounds);
}

/** How long a token is good for, in milliseconds: 1 minute to 365 days. Throws ServiceError `bad_request`. */
export function parseLifetime(input: unknown, field = 'expires_in'): number {
  return parseDuration(input, field, lifetimeBounds);
}

/** The shortest exact spelling of whole seconds given in milliseconds: 5,400,000 is `90m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  for (const [unit, size] of Object.entries(units)) {
    if (milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  throw new RangeError(`${milliseconds} ms is not a whole number of seconds`);
}

function parseDuration(input: unknown, field: string, { min, max }: Bounds): number {
  const milliseconds = read(input);
  if (milliseconds === null) {
    throw new ServiceError(
      'bad_request',
      `${field} must be like "90d", "12h", "30m" or "45s", or whole seconds.`,
    );
  }
  if (milliseconds < min || milliseconds > max) {
    throw new ServiceError(
      'bad_request',
      `${field} must be ${formatDuration(min)} to ${formatDuration(max)}.`,
    );
  }
  return milliseconds;
}

function read(input: unknown): number | null {
  if (typeof input === 'number') return Number.isSafeInteger(input) ? input * units.s : null;
  const [, amount, unit] = (typeof input === 'string' && shape.exec(input)) || [];
  if (unit !== 'd' && unit !== 'h' && unit !== 'm' && unit !== 's') return null;
  return Number(amount) * units[unit];
}
