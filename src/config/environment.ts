import { StartError } from '../errors.ts';
import { configSchema } from './schema.ts';
import { isServiceLink } from './service-links.ts';

const prefix = 'JARVIS_SECRETSD_';

interface Leaf {
  readonly path: readonly string[];
  readonly type: string | undefined;
}

/**
 * What the environment sets, each with its path in the configuration. Variables that a platform makes of a service's name are left
 * out. Throws StartError on any other variable that no key has.
 */
export function environmentOverrides(
  environment: Readonly<Record<string, string | undefined>>,
): { path: readonly string[]; value: unknown }[] {
  const leaves = new Map(configLeaves(configSchema, []).map(leaf => [variableName(leaf.path), leaf]));
  return Object.entries(environment)
    .filter(([variable]) => variable.startsWith(prefix))
    .filter(([variable]) => leaves.has(variable) || !isServiceLink(variable, environment))
    .map(([variable, text = '']) => {
      const leaf = leaves.get(variable);
      if (leaf === undefined) throw new StartError(`${variable}: no configuration key has this variable`);
      return { path: leaf.path, value: typedValue(text, leaf.type) };
    });
}

/** `['server', 'bind_addr']` → `JARVIS_SECRETSD_SERVER_BIND_ADDR`. */
export function variableName(path: readonly string[]): string {
  return prefix + path.join('_').toUpperCase();
}

/** Every key of the configuration that holds a value. */
export function configLeaves(schema: object, path: readonly string[]): Leaf[] {
  if (!('properties' in schema)) return [{ path, type: 'type' in schema ? String(schema.type) : undefined }];
  return Object.entries(schema.properties as Record<string, object>).flatMap(([key, child]) =>
    configLeaves(child, [...path, key]),
  );
}

/** What does not parse stays text, so that validation names the key and shows it. */
function typedValue(text: string, type: string | undefined): unknown {
  if (type === 'integer') return /^-?\d+$/.test(text) ? Number(text) : text;
  if (type === 'number') return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (type === 'array') return text.split(',').flatMap(item => item.trim() || []);
  return text;
}
