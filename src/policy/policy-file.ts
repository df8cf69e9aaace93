import { readFileSync } from 'node:fs';
import { errorMessage, StartError } from '../errors.ts';
import { type Policy, parsePolicy } from './policy.ts';

/** @throws StartError naming the file and the reason */
export function loadPolicy(file: string): { policy: Policy; text: string } {
  try {
    const text = readFileSync(file, 'utf8');
    return { policy: parsePolicy(text), text };
  } catch (error) {
    throw new StartError(`The policy ${file} cannot be used: ${errorMessage(error)}`, { cause: error });
  }
}
