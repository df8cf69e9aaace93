/**
 * What the configuration and the standard `OTEL_*` variables ask to push by OTLP, and where to. Sources:
 * opentelemetry.io/docs/specs/otel/protocol/exporter and …/configuration/sdk-environment-variables.
 */

import { requireFollowable } from './otel-environment.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const signals = ['metrics', 'traces', 'logs'] as const;
export type Signal = (typeof signals)[number];

const protocols = ['http/protobuf', 'http/json', 'grpc'] as const;
export type Protocol = (typeof protocols)[number];

/** Where one signal goes. Headers, timeout, compression and certificates are the exporter's to read. */
export interface PushTarget {
  readonly protocol: Protocol;
  /** The whole address, path included. */
  readonly url: string;
}

/** Null for a signal that is not pushed. */
export type PushTargets = Readonly<Record<Signal, PushTarget | null>>;

/**
 * A signal is pushed when it has an endpoint or `OTEL_<SIGNAL>_EXPORTER` says `otlp`: all are off by default.
 * @param endpoint the collector's base address from the configuration, which the variables override
 * @throws Error naming the variable; never with an endpoint in it, which may hold a password
 */
export function pushTargets(endpoint: string | undefined, environment: Environment): PushTargets {
  if (isSdkDisabled(environment)) return { metrics: null, traces: null, logs: null };
  requireFollowable(environment);
  const variable = (name: string) => environment[name]?.trim() || undefined;
  return {
    metrics: pushTarget('metrics', endpoint, variable),
    traces: pushTarget('traces', endpoint, variable),
    logs: pushTarget('logs', endpoint, variable),
  };
}

/** What `OTEL_SDK_DISABLED` says. */
export function isSdkDisabled(environment: Environment): boolean {
  return environment['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true';
}

type Variable = (name: string) => string | undefined;

function pushTarget(signal: Signal, endpoint: string | undefined, variable: Variable): PushTarget | null {
  const wanted = listedExporters(signal, variable);
  if (wanted.includes('none') || (wanted.length > 0 && !wanted.includes('otlp'))) return null;
  const prefixes = [`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_`, 'OTEL_EXPORTER_OTLP_'];
  const protocol = protocolOf(prefixes, variable);
  const path = protocol === 'grpc' ? '' : `/v1/${signal}`;
  const own = variable(`${prefixes[0]}ENDPOINT`);
  if (own !== undefined) return { protocol, url: checkedUrl(own, protocol, `${prefixes[0]}ENDPOINT`) };
  const general = variable('OTEL_EXPORTER_OTLP_ENDPOINT');
  const base = general ?? endpoint;
  if (base === undefined && wanted.length === 0) return null;
  const standard = protocol === 'grpc' ? 'http://localhost:4317' : 'http://localhost:4318';
  const source = general === undefined ? 'telemetry.otlp.endpoint' : 'OTEL_EXPORTER_OTLP_ENDPOINT';
  return { protocol, url: `${checkedUrl(base ?? standard, protocol, source).replace(/\/$/, '')}${path}` };
}

function listedExporters(signal: Signal, variable: Variable): string[] {
  const name = `OTEL_${signal.toUpperCase()}_EXPORTER`;
  return (variable(name) ?? '').split(',').flatMap(item => item.trim() || []);
}

/** Of the first variable that is set. */
function protocolOf(prefixes: readonly string[], variable: Variable): Protocol {
  const value = prefixes.map(prefix => variable(`${prefix}PROTOCOL`)).find(text => text !== undefined);
  return protocols.find(known => known === value) ?? 'http/protobuf';
}

/** gRPC takes a bare `host:port` too. */
function checkedUrl(text: string, protocol: Protocol, source: string): string {
  const url = URL.parse(protocol === 'grpc' && !text.includes('://') ? `https://${text}` : text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Error(`${source} is no http or https address, such as http://127.0.0.1:4318.`);
  }
  if (url.username === '' && url.password === '') return text;
  throw new Error(
    `${source} holds a user or a password; send credentials with OTEL_EXPORTER_OTLP_HEADERS instead.`,
  );
}
