import type {
  Attributes,
  BatchObservableResult,
  Histogram,
  Meter,
  ObservableCounter,
} from '@opentelemetry/api';
import { type CounterName, type HistogramName, metricDefinition } from './catalogue.ts';
import type { Exemplars, SampledSpan } from './exemplars.ts';
import { type GaugeSources, observeGauges } from './gauges.ts';

export type { GaugeSources } from './gauges.ts';

/** Why a caller could not be established; the only values of the label `reason`. */
export const authenticationFailureReasons = [
  'missing',
  'unknown',
  'malformed',
  'proxied',
  'expired',
  'revoked',
  'altered',
  'wrong_network',
  'unverified',
] as const;
export type AuthenticationFailureReason = (typeof authenticationFailureReasons)[number];

/** Which limit a request ran into; the only values of the label `limit`. */
export const requestLimits = ['client', 'address', 'authentication', 'disk'] as const;
export type RequestLimit = (typeof requestLimits)[number];

/** Which quota was used up; the only values of the label `quota`. */
export const quotas = ['secrets', 'versions', 'bytes', 'tokens'] as const;
export type Quota = (typeof quotas)[number];

/** Why a connection was dropped; the only values of the label `reason`. */
export const connectionDropReasons = ['evicted', 'refused', 'unread'] as const;
export type ConnectionDropReason = (typeof connectionDropReasons)[number];

/** The same on the listener of /metrics. */
export const scrapeConnectionDropReasons = ['evicted', 'refused'] as const;
export type ScrapeConnectionDropReason = (typeof scrapeConnectionDropReasons)[number];

/**
 * What the service reports, in its own words. No verb throws, blocks or keeps what it is given; none takes the name
 * of a secret or client. Durations are seconds; a duration or count that is negative or no number is left out.
 */
export interface Metrics {
  requestReceived(): void;
  requestSucceeded(): void;
  requestFailed(): void;
  /** One observation of `http_request_duration_seconds`; a sampled span becomes its exemplar. */
  requestObserved(seconds: number, span?: SampledSpan | null): void;
  /** One observation of `http.server.request.duration`; `route` is a template such as `/secret/*`, never a raw path. */
  routeServed(
    method: string,
    route: string,
    status: number,
    seconds: number,
    span?: SampledSpan | null,
  ): void;
  secretCreated(): void;
  secretRetrieved(): void;
  secretRotated(): void;
  accessAllowed(): void;
  accessDenied(): void;
  valueEncrypted(): void;
  decryptionAttempted(): void;
  decryptionFailed(): void;
  auditRecordsWritten(count: number): void;
  auditRecordsFailed(count: number): void;
  storeCommitted(seconds: number): void;
  auditFlushed(seconds: number): void;
  authenticationFailed(reason: AuthenticationFailureReason): void;
  requestShed(): void;
  handshakeFailed(): void;
  handoverFailed(): void;
  foreignCommits(count: number): void;
  /** Somebody else has changed files of the audit log. */
  auditFilesChanged(): void;
  requestLimited(limit: RequestLimit): void;
  connectionDropped(reason: ConnectionDropReason): void;
  quotaExceeded(quota: Quota): void;
  /** On the listener of /metrics. */
  scrapeConnectionDropped(reason: ScrapeConnectionDropReason): void;
  /** Hands in what the gauges read at each collection; later sources replace earlier ones. */
  observe(sources: Partial<GaugeSources>): void;
}

/** The counters without labels; process CPU time is observed in process-metrics.ts, rejected items in push-health.ts. */
type PlainCounterName = Exclude<
  CounterName,
  LabelledCounterName | 'process_cpu_seconds_total' | 'otlp_rejected_items_total'
>;
type LabelledCounterName =
  | 'authentication_failures_total'
  | 'requests_limited_total'
  | 'connections_dropped_total'
  | 'scrape_connections_dropped_total'
  | 'quota_exceeded_total';

/**
 * Counters are observable ones over plain numbers: present with 0 from the first collection, and a count costs
 * nanoseconds.
 * @param exemplars where sampled spans are noted; null where there are none
 */
export function createMetrics(meter: Meter, exemplars: Exemplars | null = null): Metrics {
  const counts = zeroCounts();
  const failed = labelledCounter(
    meter,
    'authentication_failures_total',
    'reason',
    authenticationFailureReasons,
  );
  const limited = labelledCounter(meter, 'requests_limited_total', 'limit', requestLimits);
  const dropped = labelledCounter(meter, 'connections_dropped_total', 'reason', connectionDropReasons);
  const exceeded = labelledCounter(meter, 'quota_exceeded_total', 'quota', quotas);
  const scrapesDropped = labelledCounter(
    meter,
    'scrape_connections_dropped_total',
    'reason',
    scrapeConnectionDropReasons,
  );
  const gaugeSources: Partial<GaugeSources> = { secretsTotal: () => 0 };
  observeCounts(meter, counts);
  observeGauges(meter, gaugeSources);
  const requestDuration = createHistogram(meter, 'http_request_duration_seconds');
  const routeDuration = createHistogram(meter, 'http_server_request_duration');
  const commitDuration = createHistogram(meter, 'store_commit_duration_seconds');
  const flushDuration = createHistogram(meter, 'audit_flush_duration_seconds');

  return {
    requestReceived: () => void counts.http_requests_total++,
    requestSucceeded: () => void counts.http_requests_success++,
    requestFailed: () => void counts.http_requests_error++,
    requestObserved(seconds, span = null) {
      record(requestDuration, seconds);
      if (span !== null) exemplars?.note('http_request_duration_seconds', [], seconds, span);
    },
    routeServed(method, route, status, seconds, span = null) {
      record(routeDuration, seconds, {
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
      });
      if (span !== null) {
        exemplars?.note('http_server_request_duration', [method, route, status], seconds, span);
      }
    },
    secretCreated: () => void counts.secrets_created_total++,
    secretRetrieved: () => void counts.secrets_retrieved_total++,
    secretRotated: () => void counts.secrets_rotated_total++,
    accessAllowed: () => void counts.rbac_allowed_total++,
    accessDenied: () => void counts.rbac_denied_total++,
    valueEncrypted: () => void counts.encryption_ops_total++,
    decryptionAttempted: () => void counts.decryption_ops_total++,
    decryptionFailed: () => void counts.decryption_errors_total++,
    auditRecordsWritten: count => add(counts, 'audit_events_total', count),
    auditRecordsFailed: count => add(counts, 'audit_errors_total', count),
    storeCommitted: seconds => record(commitDuration, seconds),
    auditFlushed: seconds => record(flushDuration, seconds),
    authenticationFailed: failed,
    requestShed: () => void counts.requests_shed_total++,
    handshakeFailed: () => void counts.tls_handshake_failures_total++,
    handoverFailed: () => void counts.handovers_failed_total++,
    foreignCommits: count => add(counts, 'vault_foreign_commits_total', count),
    auditFilesChanged: () => void counts.audit_files_changed_total++,
    requestLimited: limited,
    connectionDropped: dropped,
    quotaExceeded: exceeded,
    scrapeConnectionDropped: scrapesDropped,
    observe: sources => void Object.assign(gaugeSources, sources),
  };
}

/** Verbs that do nothing: for offline commands, unit tests, and the benchmark's "metrics off". */
export function noMetrics(): Metrics {
  const nothing = () => undefined;
  return {
    requestReceived: nothing,
    requestSucceeded: nothing,
    requestFailed: nothing,
    requestObserved: nothing,
    routeServed: nothing,
    secretCreated: nothing,
    secretRetrieved: nothing,
    secretRotated: nothing,
    accessAllowed: nothing,
    accessDenied: nothing,
    valueEncrypted: nothing,
    decryptionAttempted: nothing,
    decryptionFailed: nothing,
    auditRecordsWritten: nothing,
    auditRecordsFailed: nothing,
    storeCommitted: nothing,
    auditFlushed: nothing,
    authenticationFailed: nothing,
    requestShed: nothing,
    handshakeFailed: nothing,
    handoverFailed: nothing,
    foreignCommits: nothing,
    auditFilesChanged: nothing,
    requestLimited: nothing,
    connectionDropped: nothing,
    quotaExceeded: nothing,
    scrapeConnectionDropped: nothing,
    observe: nothing,
  };
}

function zeroCounts(): Record<PlainCounterName, number> {
  return {
    http_requests_total: 0,
    http_requests_success: 0,
    http_requests_error: 0,
    secrets_created_total: 0,
    secrets_retrieved_total: 0,
    secrets_rotated_total: 0,
    rbac_allowed_total: 0,
    rbac_denied_total: 0,
    encryption_ops_total: 0,
    decryption_ops_total: 0,
    decryption_errors_total: 0,
    audit_events_total: 0,
    audit_errors_total: 0,
    requests_shed_total: 0,
    tls_handshake_failures_total: 0,
    handovers_failed_total: 0,
    vault_foreign_commits_total: 0,
    audit_files_changed_total: 0,
  };
}

function observeCounts(meter: Meter, counts: Record<PlainCounterName, number>): void {
  const names = Object.keys(counts) as PlainCounterName[];
  const counters = names.map(name => [name, createCounter(meter, name)] as const);
  const report = (result: BatchObservableResult) => {
    for (const [name, counter] of counters) result.observe(counter, counts[name]);
  };
  meter.addBatchObservableCallback(
    report,
    counters.map(([, counter]) => counter),
  );
}

/** A counter with one label of a few known values, each there with 0 from the start; returns what counts one. */
function labelledCounter<Value extends string>(
  meter: Meter,
  name: LabelledCounterName,
  label: string,
  values: readonly Value[],
): (value: Value) => void {
  const counts = new Map(values.map(value => [value, 0]));
  createCounter(meter, name).addCallback(result => {
    for (const [value, count] of counts) result.observe(count, { [label]: value });
  });
  return value => void counts.set(value, (counts.get(value) ?? 0) + 1);
}

function createCounter(meter: Meter, name: CounterName): ObservableCounter {
  const { instrument, unit } = metricDefinition(name);
  return meter.createObservableCounter(instrument, { unit });
}

function createHistogram(meter: Meter, name: HistogramName): Histogram {
  const { instrument, unit } = metricDefinition(name);
  return meter.createHistogram(instrument, { unit });
}

/** One NaN would poison a histogram's sum for the life of the process. */
function record(histogram: Histogram, seconds: number, attributes?: Attributes): void {
  if (Number.isFinite(seconds) && seconds >= 0) histogram.record(seconds, attributes);
}

function add(counts: Record<PlainCounterName, number>, name: PlainCounterName, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) counts[name] += count;
}
