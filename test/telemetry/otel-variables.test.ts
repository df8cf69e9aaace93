/** Each variable of OpenTelemetry is followed, refused with its name and the fault, or named as one without effect. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { requireFollowable, variablesWithoutEffect } from '../../telemetry/otel-environment.ts';
import { namesOf, otelVariables, withoutEffect } from '../../telemetry/otel-variables.ts';
import { createAuthority, loopback } from '../helpers/certificates.ts';
import { checkout } from '../helpers/service.ts';

const folder = t.testdir();
const authority = await createAuthority('collectors');
const pair = await authority.issue(loopback);
const files = { ca: authority.certificate, cert: pair.certificate, key: pair.key, text: 'no PEM' };
const fileOf = (name: keyof typeof files) => join(folder, `${name}.pem`);
for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.pem`), text);

const secret = 'hunter2';
const time = [
  ['1', '2147483647'],
  ['10s', '0', '-1', '1.5', '2147483648', '1e3', ' 10', 'secret'],
] as const;
const size = [
  ['1', '512'],
  ['many', '0', '-1', '1000001', '5k'],
] as const;
const limit = [
  ['0', '128'],
  ['-1', '1.5', 'many', '2147483648'],
] as const;
const words = [
  ['true', 'FALSE'],
  ['yes', '1', 'true,false'],
] as const;
const list = [
  ['none', 'otlp', 'otlp,'],
  ['console', 'otlp,none', 'zipkin'],
] as const;

/** What can be followed, and what cannot, by what a name ends with; the first row that fits. */
const values: readonly (readonly [RegExp, readonly string[], readonly string[]])[] = [
  [/_DISABLED$|_INSECURE$/, ...words],
  [/_LOG_LEVEL$/, ['WARN', 'debug', 'none'], ['loud', '3']],
  [/_SERVICE_NAME$|_ENDPOINT$/, ['anything'], [' spaces ']],
  [
    /_RESOURCE_ATTRIBUTES$/,
    ['a=b', 'a=b%2C,c=', 'a=b,'],
    ['team=core,broken', '=b', 'a=b=c', 'a=%zz', `a=${'x'.repeat(256)}`],
  ],
  [
    /_PROPAGATORS$/,
    ['tracecontext', 'baggage, tracecontext', 'none'],
    ['b3', 'tracecontext,jaeger', 'none,baggage'],
  ],
  [/_SAMPLER$/, ['always_on', 'parentbased_traceidratio'], ['jaeger_remote', 'ALWAYS_ON']],
  [/_SAMPLER_ARG$/, ['0', '1', '0.25', '.5'], ['50%', '1.1', '-0.1', 'NaN', '1e-3']],
  [/METRICS_EXPORTER$/, ['prometheus', ...list[0]], list[1]],
  [/_EXPORTER$/, ...list],
  [/_PROTOCOL$/, ['grpc', 'http/json'], ['http', 'HTTP/JSON']],
  [
    /_HEADERS$/,
    ['a=b', 'authorization=Bearer%20x,b=c=d'],
    [
      `Authorization: Bearer ${secret}`,
      `a=b,${secret}`,
      `a=${secret};x`,
      `a=%zz${secret}`,
      `a b=${secret}`,
      'a=',
      `a=${secret}%0A`,
    ],
  ],
  [/_COMPRESSION$/, ['gzip', 'none'], ['zip', 'GZIP']],
  [/_CLIENT_CERTIFICATE$/, [fileOf('cert')], [join(folder, 'absent.pem'), folder, fileOf('text')]],
  [/_CLIENT_KEY$/, [fileOf('key')], [join(folder, 'absent.pem'), fileOf('text')]],
  [/_CERTIFICATE$/, [fileOf('ca')], [join(folder, 'absent.pem'), folder, fileOf('text')]],
  [/TEMPORALITY_PREFERENCE$/, ['delta', 'Cumulative', 'lowmemory'], ['detla', 'delta ']],
  [/HISTOGRAM_AGGREGATION$/, ['explicit_bucket_histogram'], ['base2_exponential_bucket_histogram']],
  [/EXEMPLAR_FILTER$/, ['trace_based'], ['always_on']],
  [/_DETECTORS$/, ['env', 'env,serviceinstance'], ['all', 'host', 'env,process']],
  [/_LIMIT$/, ...limit],
  [/_QUEUE_SIZE$|_BATCH_SIZE$/, ...size],
  [/_TIMEOUT$|_INTERVAL$|_DELAY$/, ...time],
  [/_CONFIG_FILE$|_PROMETHEUS_/, [], ['anything', '9464']],
];

/** What else must be set so that a value can be followed. */
function beside(name: string): Record<string, string> {
  if (name.endsWith('_CLIENT_CERTIFICATE')) return { [name.replace('CERTIFICATE', 'KEY')]: fileOf('key') };
  if (name.endsWith('_CLIENT_KEY')) return { [name.replace('KEY', 'CERTIFICATE')]: fileOf('cert') };
  return name === 'OTEL_METRIC_EXPORT_TIMEOUT' ? { OTEL_METRIC_EXPORT_INTERVAL: '2147483647' } : {};
}

for (const variable of otelVariables) {
  for (const name of namesOf(variable.name)) {
    t.test(name, async t => {
      const known = values.find(([ending]) => ending.test(name));
      if (known === undefined) throw new Error(`no values are known for ${name}`);
      const [, good, bad] = known;
      for (const value of ['', ' ']) requireFollowable({ [name]: value });
      for (const value of good) {
        requireFollowable({ ...beside(name), [name]: value });
        t.pass(`${JSON.stringify(value)} can be followed`);
      }
      for (const value of bad) {
        const error = t.throws(() => requireFollowable({ ...beside(name), [name]: value }), {
          message: new RegExp(`^${name} [^\n]+\\.$`),
        });
        t.notMatch(String(error), secret, 'no credential is shown');
      }
    });
  }
}

t.test('what contradicts another variable is refused', async t => {
  const refused: Record<string, Record<string, string>> = {
    'OTEL_BSP_MAX_EXPORT_BATCH_SIZE is 20, which is more than OTEL_BSP_MAX_QUEUE_SIZE (10)': {
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '20',
    },
    'OTEL_BLRP_MAX_EXPORT_BATCH_SIZE is 5000, which is more than': {
      OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '5000',
    },
    'OTEL_METRIC_EXPORT_TIMEOUT is 2000, which is more than OTEL_METRIC_EXPORT_INTERVAL (1000)': {
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_METRIC_EXPORT_TIMEOUT: '2000',
    },
    'OTEL_EXPORTER_OTLP_CLIENT_KEY must both be set': { OTEL_EXPORTER_OTLP_CLIENT_KEY: fileOf('key') },
    'OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY must both be set': {
      OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE: fileOf('cert'),
    },
  };
  for (const [message, environment] of Object.entries(refused)) {
    t.throws(() => requireFollowable(environment), { message });
  }
  requireFollowable({ OTEL_METRIC_EXPORT_INTERVAL: '1000' });
});

t.test('what has no effect is named: of other exporters and languages, and misspelt', async t => {
  const environment = {
    OTEL_EXPORTER_ZIPKIN_ENDPOINT: 'http://z',
    OTEL_EXPORTER_OTLP_ENDPIONT: 'http://c',
    OTEL_PYTHON_LOG_LEVEL: 'x',
    OTEL_BSP_SCHEDULE_DELAY: '5',
    OTEL_ENTITIES: '',
    PATH: '/bin',
  };
  requireFollowable(environment);
  t.same(variablesWithoutEffect(environment), [
    'OTEL_EXPORTER_OTLP_ENDPIONT',
    'OTEL_EXPORTER_ZIPKIN_ENDPOINT',
    'OTEL_PYTHON_LOG_LEVEL',
  ]);
});

t.test('every variable that the installed SDK reads is known', async t => {
  const texts = globSync(join(checkout, 'node_modules/@opentelemetry/*/dist/**/*.{mjs,cjs}')).map(file =>
    readFileSync(file, 'utf8'),
  );
  t.ok(texts.length > 100, 'the SDK was found');
  // As an argument or a key: `getStringFromEnv("OTEL_…")`, `process.env["OTEL_…"]`, `process.env.OTEL_…`.
  const reading =
    /(?:FromEnv\(|process\.env\[|EnvVar\(|FromEnv\([^)]*, )[`"](OTEL_[A-Z0-9_]+(?:\$\{\w+\}[A-Z0-9_]+)?)[`"]|process\.env\.(OTEL_[A-Z0-9_]+)/g;
  const read = new Set(
    texts.flatMap(text =>
      [...text.matchAll(reading)].map(([, quoted, dotted]) =>
        (quoted ?? dotted ?? '').replace(/\$\{\w+\}/, '<SIGNAL>'),
      ),
    ),
  );
  t.ok(read.size > 40, `${read.size} were found`);
  const known = otelVariables.map(({ name }) => name);
  const isKnown = (name: string) =>
    known.includes(name) ||
    known.some(each => namesOf(each).includes(name)) ||
    withoutEffect.some(each => name === each || (each.endsWith('*') && name.startsWith(each.slice(0, -1))));
  t.same(
    [...read].filter(name => !isKnown(name)),
    [],
  );
});
