import type { RotationRule } from '../store/store.ts';
import { parseEvery, parseGrace } from './durations.ts';
import { parseStrongGenerator } from './generator-spec.ts';

/** A rotation rule as requests spell it. */
export interface RotationInput {
  readonly every: unknown;
  readonly grace?: unknown;
  readonly generator?: unknown;
}

/**
 * Undefined and null pass through: they mean "as it is" and "no rule".
 * @param defaultGrace milliseconds, where the rule names no grace
 * @throws ServiceError bad_request naming the field
 */
export function parseRotation(
  input: RotationInput | null | undefined,
  defaultGrace: number,
): RotationRule | null | undefined {
  if (input === undefined || input === null) return input;
  return {
    every: parseEvery(input.every),
    grace: input.grace === undefined ? defaultGrace : parseGrace(input.grace),
    generator:
      input.generator === undefined ? null : parseStrongGenerator(input.generator, 'rotation.generator'),
  };
}
