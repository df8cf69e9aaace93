/**
 * Every metric of the service: the single source of truth for names, help texts, attributes and buckets.
 * Instruments, Views, the exposition, docs/metrics.md and the dashboard are all built from these rows.
 * Adding a metric: a row here, a verb in instruments.ts, the call.
 */
import { libraryMetrics } from './library-metrics.ts';
import {
  conventional,
  counter,
  gauge,
  histogram,
  type MetricDefinition,
  type MetricKind,
} from './metric-definition.ts';

export { droppedInstruments } from './library-metrics.ts';
export type { MetricDefinition, MetricKind } from './metric-definition.ts';

/** The name of the meter, the OpenTelemetry scope, that our own instruments belong to. */
export const meterName = 'jarvis-secretsd';

const contract = { contract: true } as const;

const contractMetrics = [
  counter(
    'http_requests_total',
    '{request}',
    'HTTP requests received, malformed and aborted ones included.',
    contract,
  ),
  counter('http_requests_success', '{request}', 'HTTP requests answered with 2xx.', contract),
  counter('http_requests_error', '{request}', 'HTTP requests answered with 4xx or 5xx.', contract),
  counter('secrets_created_total', '{secret}', 'Secrets created that did not exist before.', contract),
  counter('secrets_retrieved_total', '{secret}', 'Secret values handed to a client.', contract),
  counter(
    'secrets_rotated_total',
    '{secret}',
    'Secrets given a generated version, by request or by the scheduler.',
    contract,
  ),
  counter('rbac_allowed_total', '{decision}', 'Policy decisions that allowed an action.', contract),
  counter('rbac_denied_total', '{decision}', 'Policy decisions that denied an action.', contract),
  counter('encryption_ops_total', '{operation}', 'Encryptions of secret values.', contract),
  counter('decryption_ops_total', '{operation}', 'Attempts to decrypt a secret value.', contract),
  counter(
    'decryption_errors_total',
    '{operation}',
    'Attempts to decrypt a secret value that failed.',
    contract,
  ),
  counter('audit_events_total', '{record}', 'Audit records written.', contract),
  counter('audit_errors_total', '{record}', 'Audit records that could not be written.', contract),
  gauge('secrets_total', '{secret}', 'Live secrets now.', contract),
  histogram('http_request_duration_seconds', 'Time from receiving an HTTP request to its end, in seconds.', {
    ...contract,
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1],
  }),
] as const;

const serviceMetrics = [
  conventional(
    'histogram',
    'http.server.request.duration',
    's',
    'Duration of requests to vault routes, in seconds.',
    {
      attributes: ['http.request.method', 'http.route', 'http.response.status_code'],
      buckets: [0.005, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    },
  ),
  histogram('store_commit_duration_seconds', 'Time to commit a batch of changes durably, in seconds.', {
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  }),
  histogram('audit_flush_duration_seconds', 'Time to write and sync a batch of audit records, in seconds.', {
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  }),
  counter('authentication_failures_total', '{request}', 'Requests whose caller could not be established.', {
    attributes: ['reason'],
  }),
  counter('requests_shed_total', '{request}', 'Requests refused because the service was overloaded.'),
  counter(
    'handovers_failed_total',
    '{handover}',
    'Handovers to a successor (SIGUSR2) that were refused or failed, so that this process continued.',
  ),
  counter('tls_handshake_failures_total', '{handshake}', 'TLS handshakes that failed; they are no requests.'),
  gauge('tls_certificate_expiry_timestamp_seconds', 's', 'When TLS certificates expire, in Unix seconds.', {
    attributes: ['certificate'],
  }),
  gauge('tls_reload_success', '1', '0 while the files of TLS hold what cannot be served, else 1.'),
  counter('requests_limited_total', '{request}', 'Requests that came faster than a limit allows.', {
    attributes: ['limit'],
  }),
  counter(
    'connections_dropped_total',
    '{connection}',
    'Connections closed or refused to keep their number or the bytes of their answers within bounds.',
    {
      attributes: ['reason'],
    },
  ),
  counter(
    'scrape_connections_dropped_total',
    '{connection}',
    'Connections to the listener of /metrics closed or refused to keep their number within bounds.',
    { attributes: ['reason'] },
  ),
  counter('quota_exceeded_total', '{request}', 'Changes refused because a quota was used up.', {
    attributes: ['quota'],
  }),
  gauge(
    'quota_used_ratio',
    '1',
    'Largest share of a quota in use by one namespace or client, among those that grew since the start.',
    { attributes: ['quota'] },
  ),
  gauge(
    'vault_problems',
    '{problem}',
    'Problems that the last verification of the vault found; 0 when all holds.',
  ),
  counter(
    'vault_foreign_commits_total',
    '{commit}',
    'Commits to the vault by other processes while the service ran.',
  ),
  gauge(
    'vault_verification_last_success_timestamp_seconds',
    's',
    'When a verification of the whole vault last found no problem, in Unix seconds; 0 before the first.',
  ),
  counter(
    'audit_files_changed_total',
    '{change}',
    'Changes to files of the audit log that something else than the service made while it ran.',
  ),
  gauge('audit_latched', '1', '1 while the audit log refuses work after a failed write, else 0.'),
  gauge(
    'disk_free_bytes',
    'By',
    'Free space on the file system of the vault or of the audit log, in bytes.',
    {
      attributes: ['path_kind'],
    },
  ),
  gauge('vault_file_bytes', 'By', 'Size of the database and of its write-ahead log, in bytes.', {
    attributes: ['file'],
  }),
  gauge(
    'disk_shortage',
    '1',
    '0 while the disk has its reserve; 1 while clients beyond their share are refused changes, 2 while also reads.',
  ),
  gauge('rotations_overdue', '{secret}', 'Secrets whose scheduled rotation is overdue.'),
  gauge(
    'oldest_secret_age_seconds',
    's',
    'Age of the oldest active version, in seconds; 0 when there is none.',
  ),
  gauge(
    'scheduler_last_success_timestamp_seconds',
    's',
    'When the rotation scheduler last finished a pass, in Unix seconds; 0 before the first.',
  ),
  gauge(
    'clock_in_doubt',
    '1',
    '1 while the wall clock is not trusted: nothing is rotated or destroyed by the clock. Else 0.',
  ),
  gauge(
    'clock_offset_seconds',
    's',
    'How far the wall clock is ahead of the expected time while it is in doubt, in seconds; else 0.',
  ),
  gauge('policy_reload_success', '1', '1 when the last load of the policy succeeded, else 0.'),
  gauge(
    'policy_last_reload_timestamp_seconds',
    's',
    'When a policy was last loaded with success, in Unix seconds; 0 before the first.',
  ),
  gauge('last_exit_reason', '1', 'Always 1; the label says how the previous process on this vault ended.', {
    attributes: ['reason'],
  }),
  gauge('build_info', '1', 'Always 1; the labels name the versions of the service and of Node.', {
    attributes: ['version', 'node_version'],
  }),
  gauge(
    'otlp_last_push_age_seconds',
    's',
    'Time since a push of the signal last succeeded, or since pushing began, in seconds; absent while it is not pushed.',
    { attributes: ['signal'] },
  ),
  gauge(
    'otlp_push_failing',
    '1',
    '1 when the last push of the signal failed, else 0; absent while it is not pushed.',
    { attributes: ['signal'] },
  ),
  counter(
    'otlp_rejected_items_total',
    '{item}',
    'Data points, spans or log records that the collector left out of a push it took; absent while the signal is not pushed.',
    { attributes: ['signal'] },
  ),
  gauge('process_start_time_seconds', 's', 'When the process started, in Unix seconds.'),
  counter('process_cpu_seconds_total', 's', 'CPU time used by the process, user and system, in seconds.'),
  gauge('process_resident_memory_bytes', 'By', 'Resident memory of the process, in bytes.'),
  gauge('process_heap_used_bytes', 'By', 'Used JavaScript heap of the process, in bytes.'),
  gauge(
    'process_external_memory_bytes',
    'By',
    'Memory of the process outside the JavaScript heap, buffers included, in bytes.',
  ),
] as const;

const named = [...contractMetrics, ...serviceMetrics] as const;

/** Every metric, the fifteen first, in the order in which they are exposed and documented. */
export const catalogue: readonly MetricDefinition[] = [...named, ...libraryMetrics];

type NameOf<Kind extends MetricKind> = Extract<(typeof named)[number], { kind: Kind }>['name'];
export type CounterName = NameOf<'counter'>;
export type GaugeName = NameOf<'gauge'>;
export type HistogramName = NameOf<'histogram'>;

const byName = new Map(catalogue.map(definition => [definition.name, definition]));

/** The row of a metric that this service records itself. */
export function metricDefinition(name: CounterName | GaugeName | HistogramName): MetricDefinition {
  const definition = byName.get(name);
  if (definition === undefined) throw new Error(`The catalogue has no metric ${name}.`);
  return definition;
}
