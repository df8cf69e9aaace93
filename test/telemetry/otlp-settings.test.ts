import t from 'tap';
import { type Environment, pushTargets } from '../../telemetry/otlp-settings.ts';

const nothing = { metrics: null, traces: null, logs: null };
const collector = 'http://c:4318';

type Targets = Record<'metrics' | 'traces' | 'logs', object | null>;

function targets(protocol: string, urls: Partial<Record<keyof Targets, string>>): Targets {
  return {
    ...nothing,
    ...Object.fromEntries(Object.entries(urls).map(([key, url]) => [key, { protocol, url }])),
  };
}

const all = targets('http/protobuf', {
  metrics: `${collector}/v1/metrics`,
  traces: `${collector}/v1/traces`,
  logs: `${collector}/v1/logs`,
});

const general = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const asked: Record<
  string,
  readonly [endpoint: string | undefined, environment: Environment, wanted: object]
> = {
  'nothing by default': [undefined, {}, nothing],
  'all signals by the configuration': [collector, {}, all],
  'a slash at the end is no matter': [`${collector}/`, {}, all],
  'all signals by the variable': [undefined, { [general]: collector }, all],
  'the variable before the configuration': ['http://other', { [general]: collector }, all],
  'an empty variable is none': [collector, { [general]: '', OTEL_TRACES_EXPORTER: ' ' }, all],
  'a path before that of the signal': [
    'https://c/otlp',
    { OTEL_TRACES_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' },
    targets('http/protobuf', { metrics: 'https://c/otlp/v1/metrics' }),
  ],
  'one signal by its own address, taken as it is': [
    undefined,
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t/x' },
    targets('http/protobuf', { traces: 'http://t/x' }),
  ],
  'a signal that is asked for goes to the standard address': [
    undefined,
    { OTEL_LOGS_EXPORTER: 'otlp' },
    targets('http/protobuf', { logs: 'http://localhost:4318/v1/logs' }),
  ],
  'gRPC has another one, and no path': [
    undefined,
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    targets('grpc', { traces: 'http://localhost:4317' }),
  ],
  'gRPC takes a bare address': [
    undefined,
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'c:4317', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc' },
    targets('grpc', { traces: 'c:4317' }),
  ],
  'a protocol for one signal': [
    collector,
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/protobuf' },
    {
      ...targets('http/json', { metrics: `${collector}/v1/metrics`, traces: `${collector}/v1/traces` }),
      logs: all.logs,
    },
  ],
  'the scrape alone is no push': [
    collector,
    { OTEL_METRICS_EXPORTER: 'prometheus' },
    { ...all, metrics: null },
  ],
  'scrape and push': [collector, { OTEL_METRICS_EXPORTER: 'otlp,prometheus' }, all],
  'nothing while the SDK is disabled': [collector, { OTEL_SDK_DISABLED: 'TRUE' }, nothing],
};

for (const [what, [endpoint, environment, wanted]] of Object.entries(asked)) {
  t.test(what, async t => t.same(pushTargets(endpoint, environment), wanted));
}

const password = 'http://me:hunter2@c';
const refused: Record<string, readonly [Environment, string]> = {
  'a user and a password': [{ [general]: password }, `${general} holds a user or a password`],
  'a password for one signal': [
    { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: password },
    'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT holds a user',
  ],
  'a password in a bare gRPC address': [
    { [general]: 'me:hunter2@c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    `${general} holds a user`,
  ],
  'a password in what is no address': [
    { [general]: 'me:hunter2@c' },
    `${general} is no http or https address`,
  ],
  'a query': [{ [general]: 'http://c/?key=hunter2' }, `${general} is no http or https address`],
  'a compression': [
    { [general]: collector, OTEL_EXPORTER_OTLP_COMPRESSION: 'zip' },
    'OTEL_EXPORTER_OTLP_COMPRESSION must be one of gzip, none (it is "zip").',
  ],
  'an exporter': [
    { OTEL_TRACES_EXPORTER: 'otlp,zipkin' },
    'OTEL_TRACES_EXPORTER may list otlp, none only (it is "otlp,zipkin").',
  ],
  'a sampler': [{ OTEL_TRACES_SAMPLER: 'some' }, 'OTEL_TRACES_SAMPLER must be one of always_on, '],
  'a ratio': [
    { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '50%' },
    'OTEL_TRACES_SAMPLER_ARG must be a ratio from 0 to 1 (it is "50%").',
  ],
};

for (const [what, [environment, message]] of Object.entries(refused)) {
  t.test(`refused: ${what}`, async t => {
    const error = t.throws(() => pushTargets(undefined, environment));
    t.match(error, { message });
    t.notMatch(String(error), 'hunter2');
  });
}
