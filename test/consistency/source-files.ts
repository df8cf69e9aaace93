import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { checkout } from '../helpers/service.ts';

export interface ImportLine {
  /** A path inside the checkout, or a package's name. */
  readonly target: string;
  readonly isType: boolean;
}

export interface SourceFile {
  /** Relative to the checkout. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly ImportLine[];
}

const importPattern =
  /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;

/** The TypeScript files of a folder of the checkout, with what each imports. */
export function sourceFiles(folder: string): SourceFile[] {
  const root = join(checkout, folder);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => readSource(join(root, file)));
}

function readSource(file: string): SourceFile {
  const text = readFileSync(file, 'utf8');
  const imports = [...text.matchAll(importPattern)].map(([, type, from, dynamic]) => ({
    target: targetOf(file, from ?? dynamic ?? ''),
    isType: type !== undefined,
  }));
  return { path: relative(checkout, file), text, imports };
}

function targetOf(file: string, specifier: string): string {
  return specifier.startsWith('.') ? relative(checkout, resolve(file, '..', specifier)) : specifier;
}
