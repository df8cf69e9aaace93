import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { errorMessage, StartError } from '../errors.ts';
import { type Validator, validatorOf } from '../validator.ts';
import { parseBindAddress } from './bind-address.ts';
import { environmentOverrides, variableName } from './environment.ts';
import { type Config, type ConfigValues, configSchema } from './schema.ts';

type Table = Record<string, unknown>;
type Problem = ReturnType<Validator>[number];

const faultsOf = validatorOf(configSchema);

/**
 * Reads the TOML file, lets `JARVIS_SECRETSD_<SECTION>_<KEY>` override it, fills in defaults, makes paths absolute
 * (relative ones are relative to the file) and freezes the result.
 * @throws StartError with the file or variable, the key and the reason.
 */
export function loadConfig(file: string, environment: Readonly<Record<string, string | undefined>>): Config {
  const values = readToml(file);
  const overrides = environmentOverrides(environment);
  for (const { path, value } of overrides) setAt(values, path, value);
  const variables = new Set(overrides.map(({ path }) => variableName(path)));
  const complete = validate(values, key => {
    const variable = variableName(key.split('.'));
    return variables.has(variable) ? variable : file;
  });
  return deepFreeze(withAbsolutePaths(complete, dirname(resolve(file))));
}

function readToml(file: string): Table {
  if (!existsSync(file)) {
    throw new StartError(
      `${file}: there is no such configuration file; name one with --config, or copy config.toml and policy.yaml from ${packageFolder()}`,
    );
  }
  try {
    return withSections(parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const reason = error instanceof TomlError ? (error.message.split('\n')[0] ?? '') : errorMessage(error);
    const line = error instanceof TomlError ? `:${error.line}` : '';
    throw new StartError(`${file}${line}: ${reason}`, { cause: error });
  }
}

/** Where the shipped configuration is: above src/ in a checkout, and above dist/ in a package. */
function packageFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'config.toml')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

/** Defaults are filled into tables that exist, so absent sections are made first. */
function withSections(values: Table): Table {
  const sections: Table = { ...values };
  for (const section of Object.keys(configSchema.properties)) sections[section] ??= {};
  const { server, telemetry } = sections;
  if (isTable(server)) sections['server'] = { tls: {}, ...server };
  if (isTable(telemetry)) sections['telemetry'] = { prometheus: {}, otlp: {}, ...telemetry };
  return sections;
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function setAt(values: Table, path: readonly string[], value: unknown): void {
  let table = values;
  for (const key of path.slice(0, -1)) {
    const next = table[key];
    if (!isTable(next)) return;
    table = next;
  }
  table[path.at(-1) ?? ''] = value;
}

/** @param sourceOf the file or variable that sets a key, for the message of a StartError */
function validate(values: unknown, sourceOf: (key: string) => string): ConfigValues {
  const problems = faultsOf(values);
  const worst = problems.find(problem => problem.keyword === 'additionalProperties') ?? problems[0];
  if (worst !== undefined) {
    const key = keyOf(worst);
    throw new StartError(`${sourceOf(key)}: ${describe(worst, key, values)}`);
  }
  const config = values as ConfigValues;
  requireAddress(config.server.bind_addr, 'server.bind_addr', sourceOf);
  const { bind_addr } = config.telemetry.prometheus;
  if (bind_addr !== undefined) requireAddress(bind_addr, 'telemetry.prometheus.bind_addr', sourceOf);
  return config;
}

/** Listeners open late in the start: what cannot be an address is refused before anything is made. */
function requireAddress(address: string, key: string, sourceOf: (key: string) => string): void {
  parseBindAddress(address, `${sourceOf(key)}: ${key}`);
}

function keyOf(problem: Problem): string {
  return problem.instancePath.slice(1).replaceAll('/', '.');
}

function describe(problem: Problem, key: string, values: unknown): string {
  if (problem.keyword === 'additionalProperties') {
    const name = String(problem.params['additionalProperty']);
    return `unknown key ${key === '' ? name : `${key}.${name}`}; docs/CONFIGURATION.md lists the known ones`;
  }
  const choices = allowedLiterals(key);
  const reason = choices === undefined ? problem.message : `must be one of ${choices.join(', ')}`;
  const shown =
    schemaOf(key)?.['writeOnly'] === true ? '' : ` (it is ${JSON.stringify(valueAt(values, key))})`;
  return `${key} ${reason}${shown}`;
}

function schemaOf(key: string): Table | undefined {
  let schema: unknown = configSchema;
  for (const part of key.split('.'))
    schema = isTable(schema) ? valueAt(schema['properties'], part) : undefined;
  return isTable(schema) ? schema : undefined;
}

function allowedLiterals(key: string): string[] | undefined {
  const options = schemaOf(key)?.['anyOf'];
  return Array.isArray(options) ? options.map(option => String(option.const)) : undefined;
}

function valueAt(values: unknown, key: string): unknown {
  let value = values;
  for (const part of key.split('.')) value = isTable(value) ? value[part] : undefined;
  return value;
}

function withAbsolutePaths(values: ConfigValues, folder: string): ConfigValues {
  const { server, paths, security } = values;
  return {
    ...values,
    server: { ...server, tls: absoluteFiles(server.tls, folder) },
    paths: {
      vault_path: resolve(folder, paths.vault_path),
      audit_path: resolve(folder, paths.audit_path),
      master_key_path: resolve(folder, paths.master_key_path),
      bootstrap_token_path: resolve(folder, paths.bootstrap_token_path),
    },
    security: { ...security, rbac_policy_path: resolve(folder, security.rbac_policy_path) },
  };
}

function absoluteFiles(tls: ConfigValues['server']['tls'], folder: string): ConfigValues['server']['tls'] {
  const absolute = { ...tls };
  for (const key of ['certificate_file', 'key_file', 'client_ca_file', 'client_crl_file'] as const) {
    const file = tls[key];
    if (file !== undefined) absolute[key] = resolve(folder, file);
  }
  return absolute;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
