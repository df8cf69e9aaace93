import { namesOf, otelVariables } from './otel-variables.ts';
import type { Environment } from './otlp-settings.ts';

/** What applies where the greater of two variables is not set. */
const standards = {
  OTEL_BSP_MAX_QUEUE_SIZE: '2048',
  OTEL_BLRP_MAX_QUEUE_SIZE: '2048',
  OTEL_METRIC_EXPORT_INTERVAL: '60000',
} as const;

/** What must not be more than what. */
const ordered = [
  ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'OTEL_BSP_MAX_QUEUE_SIZE'],
  ['OTEL_BLRP_MAX_EXPORT_BATCH_SIZE', 'OTEL_BLRP_MAX_QUEUE_SIZE'],
  ['OTEL_METRIC_EXPORT_TIMEOUT', 'OTEL_METRIC_EXPORT_INTERVAL'],
] as const;

/**
 * That every variable of OpenTelemetry can be followed as it is.
 * @throws Error naming the variable and the fault in one line; never with a secret in it
 */
export function requireFollowable(environment: Environment): void {
  for (const { name, faultOf, isSecret } of otelVariables) {
    for (const each of namesOf(name)) {
      const value = environment[each] ?? '';
      if (value.trim() === '') continue;
      // The SDK takes some values as they are, white space included.
      const fault = value === value.trim() ? faultOf(value) : 'has white space around its value';
      if (fault === null) continue;
      const shown = isSecret ? '' : ` (it is ${JSON.stringify(value)})`;
      throw new Error(`${each} ${fault}${shown}.`);
    }
  }
  requireOrder(environment);
  requireWholePairs(environment);
}

function requireOrder(environment: Environment): void {
  for (const [lesser, greater] of ordered) {
    const less = environment[lesser]?.trim() || '0';
    const more = environment[greater]?.trim() || standards[greater];
    if (Number(less) > Number(more)) {
      throw new Error(`${lesser} is ${less}, which is more than ${greater} (${more}).`);
    }
  }
}

/** A certificate for the collector is of no use without its key. */
function requireWholePairs(environment: Environment): void {
  for (const prefix of ['OTEL_EXPORTER_OTLP_', ...namesOf('OTEL_EXPORTER_OTLP_<SIGNAL>_')]) {
    const isSet = (suffix: string) =>
      [prefix, 'OTEL_EXPORTER_OTLP_'].some(each => environment[each + suffix]?.trim());
    if (isSet('CLIENT_CERTIFICATE') === isSet('CLIENT_KEY')) continue;
    throw new Error(`${prefix}CLIENT_CERTIFICATE and ${prefix}CLIENT_KEY must both be set, or neither.`);
  }
}

/** The variables of OpenTelemetry in the environment that have no effect here, unknown ones among them. */
export function variablesWithoutEffect(environment: Environment): string[] {
  const known = new Set(otelVariables.flatMap(({ name }) => namesOf(name)));
  return Object.entries(environment)
    .filter(([name, value]) => name.startsWith('OTEL_') && value?.trim() && !known.has(name))
    .map(([name]) => name)
    .toSorted();
}
