import { parse } from 'yaml';
import { read } from './expressions.ts';

/** What the tests look at of a service in docker-compose.yml, merge keys resolved. */
export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly user: string;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly [key: string]: unknown;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, { readonly name: string } | null>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

export const composeFile = parse(read('docker-compose.yml'), { merge: true }) as ComposeFile;

/** Name and service, in the order of the file. */
export const composeServices = Object.entries(composeFile.services);

/** A Dockerfile's instructions, each on a line of its own, without comments. */
export function instructions(dockerfile: string): string[] {
  return read(dockerfile)
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter(line => line !== '');
}

/** The image that an instruction or service names, its build argument's default in place of the argument. */
export function imagesIn(dockerfile: string): string[] {
  const lines = instructions(dockerfile);
  const defaults = new Map(
    lines.flatMap(line => {
      const [, name, value] = /^ARG (\w+)=(\S+)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
  return lines.flatMap(line => {
    const [, image] = /^FROM (\S+)/.exec(line) ?? [];
    if (image === undefined) return [];
    return image.replace(/^\$\{(\w+)\}$/, (_, name: string) => defaults.get(name) ?? '');
  });
}
