import { MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import t from 'tap';
import { catalogue } from '../../telemetry/catalogue.ts';
import { createMetrics, type GaugeSources, type Metrics, noMetrics } from '../../telemetry/instruments.ts';
import { renderMetrics } from '../../telemetry/text-format.ts';
import { catalogueViews } from '../../telemetry/views.ts';
import { zeroFill } from '../../telemetry/zero-fill.ts';

class PulledReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Metrics on a provider of their own, and what a scrape of them holds. */
function measured() {
  const reader = new PulledReader();
  const provider = new MeterProvider({ readers: [reader], views: [...catalogueViews] });
  const meter = provider.getMeter('test');
  const collect = async (): Promise<ResourceMetrics> => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) throw new AggregateError(errors);
    return resourceMetrics;
  };
  return {
    meter,
    metrics: createMetrics(meter),
    collect,
    series: async () => seriesOf(renderMetrics(zeroFill(await collect()), 'classic')),
  };
}

function seriesOf(text: string): Record<string, string> {
  const samples = text.split('\n').filter(line => line !== '' && !/^(#|target_info)/.test(line));
  return Object.fromEntries(
    samples.map(line => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  );
}

/** The series that differ between two scrapes. */
function changes(before: Record<string, string>, after: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name] !== value));
}

const contractAtStart = {
  http_requests_total: '0',
  http_requests_success: '0',
  http_requests_error: '0',
  secrets_created_total: '0',
  secrets_retrieved_total: '0',
  secrets_rotated_total: '0',
  rbac_allowed_total: '0',
  rbac_denied_total: '0',
  encryption_ops_total: '0',
  decryption_ops_total: '0',
  decryption_errors_total: '0',
  audit_events_total: '0',
  audit_errors_total: '0',
  secrets_total: '0',
  'http_request_duration_seconds_bucket{le="0.001"}': '0',
  'http_request_duration_seconds_bucket{le="0.005"}': '0',
  'http_request_duration_seconds_bucket{le="0.01"}': '0',
  'http_request_duration_seconds_bucket{le="0.025"}': '0',
  'http_request_duration_seconds_bucket{le="0.05"}': '0',
  'http_request_duration_seconds_bucket{le="0.1"}': '0',
  'http_request_duration_seconds_bucket{le="+Inf"}': '0',
  http_request_duration_seconds_sum: '0',
  http_request_duration_seconds_count: '0',
};

t.test('the fifteen are there with 0 on the first collection, under their literal names', async t => {
  const fifteen = catalogue.filter(({ contract }) => contract);
  t.equal(fifteen.length, 15);
  const families = fifteen.map(({ name }) => name);
  const series = Object.entries(await measured().series());
  t.same(Object.fromEntries(series.filter(([name]) => families.includes(familyOf(name)))), contractAtStart);
});

function familyOf(series: string): string {
  return series.replace(/\{.*/, '').replace(/_(bucket|sum|count)$/, '');
}

const verbs: readonly (readonly [(metrics: Metrics) => void, Record<string, string>])[] = [
  [metrics => metrics.requestReceived(), { http_requests_total: '1' }],
  [metrics => metrics.requestSucceeded(), { http_requests_success: '1' }],
  [metrics => metrics.requestFailed(), { http_requests_error: '1' }],
  [metrics => metrics.secretCreated(), { secrets_created_total: '1' }],
  [metrics => metrics.secretRetrieved(), { secrets_retrieved_total: '1' }],
  [metrics => metrics.secretRotated(), { secrets_rotated_total: '1' }],
  [metrics => metrics.accessAllowed(), { rbac_allowed_total: '1' }],
  [metrics => metrics.accessDenied(), { rbac_denied_total: '1' }],
  [metrics => metrics.valueEncrypted(), { encryption_ops_total: '1' }],
  [metrics => metrics.decryptionAttempted(), { decryption_ops_total: '1' }],
  [metrics => metrics.decryptionFailed(), { decryption_errors_total: '1' }],
  [metrics => metrics.auditRecordsWritten(3), { audit_events_total: '3' }],
  [metrics => metrics.auditRecordsFailed(2), { audit_errors_total: '2' }],
  [metrics => metrics.requestShed(), { requests_shed_total: '1' }],
  [metrics => metrics.handshakeFailed(), { tls_handshake_failures_total: '1' }],
  [metrics => metrics.handoverFailed(), { handovers_failed_total: '1' }],
  [metrics => metrics.auditFilesChanged(), { audit_files_changed_total: '1' }],
  [metrics => metrics.requestLimited('client'), { 'requests_limited_total{limit="client"}': '1' }],
  [metrics => metrics.connectionDropped('evicted'), { 'connections_dropped_total{reason="evicted"}': '1' }],
  [
    metrics => metrics.scrapeConnectionDropped('refused'),
    { 'scrape_connections_dropped_total{reason="refused"}': '1' },
  ],
  [
    metrics => metrics.authenticationFailed('proxied'),
    { 'authentication_failures_total{reason="proxied"}': '1' },
  ],
  [metrics => metrics.observe({ secretsTotal: () => 7 }), { secrets_total: '7' }],
];

for (const [act, expected] of verbs) {
  t.test(`one series: ${Object.keys(expected)}`, async t => {
    const { metrics, series } = measured();
    const before = await series();
    act(metrics);
    t.same(changes(before, await series()), expected);
  });
}

t.test('durations fall into the buckets of their own histogram', async t => {
  const { metrics, series } = measured();
  const before = await series();
  metrics.requestObserved(0.025);
  metrics.requestObserved(3);
  t.same(changes(before, await series()), {
    'http_request_duration_seconds_bucket{le="0.025"}': '1',
    'http_request_duration_seconds_bucket{le="0.05"}': '1',
    'http_request_duration_seconds_bucket{le="0.1"}': '1',
    'http_request_duration_seconds_bucket{le="+Inf"}': '2',
    http_request_duration_seconds_sum: '3.025',
    http_request_duration_seconds_count: '2',
  });

  const previous = await series();
  metrics.storeCommitted(0.01);
  t.equal(changes(previous, await series())['store_commit_duration_seconds_count'], '1');
  metrics.auditFlushed(0.01);
  t.equal(changes(previous, await series())['audit_flush_duration_seconds_count'], '1');
  metrics.routeServed('GET', '/secret/*', 200, 0.012);
  const labels = 'http_request_method="GET",http_route="/secret/*",http_response_status_code="200"';
  const served = await series();
  t.equal(served[`http_server_request_duration_count{${labels}}`], '1');
  t.equal(served[`http_server_request_duration_bucket{${labels},le="0.01"}`], '0');
  t.equal(served[`http_server_request_duration_bucket{${labels},le="0.015"}`], '1');
});

t.test('a duration or count that is no sensible number changes nothing', async t => {
  const { metrics, series } = measured();
  const before = await series();
  for (const nonsense of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
    metrics.requestObserved(nonsense);
    metrics.storeCommitted(nonsense);
    metrics.auditRecordsWritten(nonsense);
    metrics.auditRecordsFailed(nonsense);
  }
  metrics.auditRecordsWritten(0.5);
  t.same(changes(before, await series()), {});
});

const sources: GaugeSources = {
  secretsTotal: () => 12,
  auditLatched: () => true,
  vaultProblems: () => 4,
  vaultLastVerified: () => 1_700_000_003,
  rotationsOverdue: () => 3,
  diskShortage: () => 2,
  oldestSecretAgeSeconds: () => 86_400,
  schedulerLastSuccess: () => 1_700_000_000,
  policyReloadSucceeded: () => false,
  policyLastReload: () => 1_700_000_001,
  certificateExpiry: () => [{ certificate: 'server', expiresAt: 1_700_000_002 }],
  tlsReloadSucceeded: () => true,
  vaultFileSizes: () => [
    { file: 'database', bytes: 300 },
    { file: 'wal', bytes: 40 },
  ],
  quotaShares: () => [
    { quota: 'secrets', share: 0.5 },
    { quota: 'tokens', share: 1 },
  ],
  clockInDoubt: () => true,
  clockOffsetSeconds: () => -3600,
  diskFree: () => [
    { path_kind: 'vault', bytes: 100 },
    { path_kind: 'audit', bytes: 200 },
  ],
  lastExitReason: () => 'killed',
};

const sourcesRead = {
  secrets_total: '12',
  audit_latched: '1',
  vault_problems: '4',
  vault_verification_last_success_timestamp_seconds: '1700000003',
  rotations_overdue: '3',
  disk_shortage: '2',
  oldest_secret_age_seconds: '86400',
  scheduler_last_success_timestamp_seconds: '1700000000',
  policy_reload_success: '0',
  policy_last_reload_timestamp_seconds: '1700000001',
  'tls_certificate_expiry_timestamp_seconds{certificate="server"}': '1700000002',
  tls_reload_success: '1',
  'vault_file_bytes{file="database"}': '300',
  'vault_file_bytes{file="wal"}': '40',
  'quota_used_ratio{quota="secrets"}': '0.5',
  'quota_used_ratio{quota="tokens"}': '1',
  clock_in_doubt: '1',
  clock_offset_seconds: '-3600',
  'disk_free_bytes{path_kind="vault"}': '100',
  'disk_free_bytes{path_kind="audit"}': '200',
  'last_exit_reason{reason="killed"}': '1',
};

t.test('gauges read their sources at each collection', async t => {
  const { metrics, series } = measured();
  const before = await series();
  metrics.observe(sources);
  t.same(changes(before, await series()), sourcesRead);
  metrics.observe({ secretsTotal: () => 13 });
  t.same(await series(), { ...before, ...sourcesRead, secrets_total: '13' });
});

t.test('a gauge with nothing to report yet reads 0, and an unknown reason is bounded', async t => {
  const { metrics, series } = measured();
  metrics.observe({ oldestSecretAgeSeconds: () => 5 });
  await series();
  metrics.observe({
    oldestSecretAgeSeconds: () => null,
    schedulerLastSuccess: () => null,
    lastExitReason: () => 'free text',
  });
  t.match(await series(), {
    oldest_secret_age_seconds: '0',
    scheduler_last_success_timestamp_seconds: '0',
    'last_exit_reason{reason="other"}': '1',
  });
  metrics.observe({ lastExitReason: () => null });
  await t.resolves(series());
});

t.test('a source that throws or gives NaN costs its own gauge alone', async t => {
  const { metrics, series } = measured();
  const failing = () => {
    throw new Error('no reading');
  };
  const before = await series();
  metrics.observe({
    ...sources,
    auditLatched: failing,
    diskFree: failing,
    rotationsOverdue: () => Number.NaN,
  });
  const { audit_latched, rotations_overdue, ...rest } = sourcesRead;
  const {
    'disk_free_bytes{path_kind="vault"}': vault,
    'disk_free_bytes{path_kind="audit"}': audit,
    ...read
  } = rest;
  t.same(changes(before, await series()), read);
});

t.test('an attribute that the catalogue does not list is dropped', async t => {
  const { meter, collect } = measured();
  const duration = meter.createHistogram('http.server.request.duration');
  duration.record(0.01, { 'http.route': '/secret/*', 'url.path': '/secret/app/db', client: 'web' });
  meter.createObservableGauge('audit_latched').addCallback(result => result.observe(1, { client: 'web' }));
  const text = renderMetrics(await collect(), 'classic');
  t.match(text, 'http_server_request_duration_count{http_route="/secret/*"} 1');
  t.match(text, 'audit_latched 1');
  t.notMatch(text, /url|client="web"/);
});

t.test('the silent metrics have the same verbs', async t => {
  const { metrics } = measured();
  t.same(Object.keys(noMetrics()), Object.keys(metrics));
  for (const [act] of verbs) t.doesNotThrow(() => act(noMetrics()));
});
