import { quantile, rate, series } from './expressions.ts';
import type { PanelDefinition } from './panel.ts';

const asked = 'a client asks for a secret';

export const requests: readonly PanelDefinition[] = [
  {
    title: 'Requests and answers',
    shape: 'lines',
    width: 8,
    unit: 'reqps',
    description:
      'HTTP requests received each second, and how they were answered; probes and scrapes are among them.',
    trouble: 'Received runs above answered for long: requests hang or are aborted.',
    queries: [
      { expr: rate('http_requests_total'), legend: 'received' },
      { expr: rate('http_requests_success'), legend: 'answered 2xx' },
      { expr: rate('http_requests_error'), legend: 'answered 4xx or 5xx' },
    ],
  },
  {
    title: 'Share of errors',
    shape: 'lines',
    width: 8,
    unit: 'percentunit',
    description:
      'Share of all requests that were answered with 4xx or 5xx. What clients do wrong is in it too.',
    trouble: 'Requests by status tells mistakes of clients (4xx) from failures of the service (5xx).',
    queries: [{ expr: `${rate('http_requests_error')} / ${rate('http_requests_total')}`, legend: 'errors' }],
  },
  {
    title: 'Requests by status',
    shape: 'lines',
    width: 8,
    unit: 'reqps',
    description: 'Requests to vault routes each second, by status.',
    trouble:
      '403 and 401: Who is denied. 503: overload, audit log or disk. 500: the log has the error under its request id.',
    runbook: 'JarvisSecretsdErrorBudgetBurn1h',
    queries: [
      {
        expr: rate('http_server_request_duration', { part: '_count', by: 'http_response_status_code' }),
        legend: '{{http_response_status_code}}',
        emptyUntil: asked,
      },
    ],
  },
  {
    title: 'Latency of all requests',
    shape: 'lines',
    width: 8,
    unit: 's',
    description: 'Quantiles of all HTTP requests. The top bucket is 0.1 s: a quantile above it reads 0.1.',
    trouble: 'At 0.1: see Slower than 0.1 s for how many, and Latency by route for how slow.',
    queries: [0.5, 0.95, 0.99].map(share => ({
      expr: quantile(share, 'http_request_duration_seconds'),
      legend: `p${share * 100}`,
      exemplars: true,
    })),
  },
  {
    title: 'Slower than 0.1 s',
    shape: 'lines',
    width: 8,
    unit: 'percentunit',
    description: 'Share of all HTTP requests that took longer than the top bucket, 0.1 s.',
    trouble: 'More than a few in a thousand: compare Audit flushes, Store commits and Event loop delay.',
    queries: [
      {
        expr: `1 - ${rate('http_request_duration_seconds', { part: '_bucket', labels: 'le="0.1"' })} / ${rate('http_request_duration_seconds', { part: '_count' })}`,
        legend: 'slower',
      },
    ],
  },
  {
    title: 'Latency by route',
    shape: 'lines',
    width: 8,
    unit: 's',
    description:
      'p99 of requests to vault routes, by route; buckets reach 10 s. Points are traces of single requests.',
    trouble: 'One route alone: follow a point to its trace. All: the disk or the processor is busy.',
    queries: [
      {
        expr: quantile(0.99, 'http_server_request_duration', 'http_route'),
        legend: '{{http_route}}',
        exemplars: true,
        emptyUntil: asked,
      },
    ],
    thresholds: [
      [0.015, 'yellow'],
      [0.1, 'red'],
    ],
  },
];

export const secretsAndCrypto: readonly PanelDefinition[] = [
  {
    title: 'Secret operations',
    shape: 'lines',
    width: 8,
    unit: 'ops',
    description: 'Secrets created, values handed out, and generated versions, each second.',
    trouble:
      'Retrieved far above the usual: a client does not cache, or somebody reads everything. See the audit log.',
    queries: [
      { expr: rate('secrets_created_total'), legend: 'created' },
      { expr: rate('secrets_retrieved_total'), legend: 'retrieved' },
      { expr: rate('secrets_rotated_total'), legend: 'rotated' },
    ],
  },
  {
    title: 'Encryption and decryption',
    shape: 'lines',
    width: 8,
    unit: 'ops',
    description: 'Encryptions of values and attempts to decrypt one, each second.',
    trouble: 'Decryptions follow reads, encryptions follow changes; where they do not, read the log.',
    queries: [
      { expr: rate('encryption_ops_total'), legend: 'encryptions' },
      { expr: rate('decryption_ops_total'), legend: 'decryptions' },
    ],
  },
  {
    title: 'Decryption errors',
    shape: 'lines',
    width: 8,
    unit: 'ops',
    description: 'Attempts to decrypt a value that failed, each second.',
    trouble: 'Any: a row was tampered with, or a key is missing. Stop changes and look before you restore.',
    runbook: 'JarvisSecretsdDecryptionErrors',
    queries: [{ expr: rate('decryption_errors_total'), legend: 'errors' }],
    thresholds: [[0.0001, 'red']],
  },
];

export const auditAndStore: readonly PanelDefinition[] = [
  {
    title: 'Audit records',
    shape: 'lines',
    width: 8,
    unit: 'wps',
    description: 'Audit records written each second, and those that could not be.',
    trouble: 'Any errors: the folder is not writable. The operations behind them were refused.',
    runbook: 'JarvisSecretsdAuditErrors',
    queries: [
      { expr: rate('audit_events_total'), legend: 'written' },
      { expr: rate('audit_errors_total'), legend: 'failed' },
    ],
  },
  {
    title: 'Audit flushes',
    shape: 'lines',
    width: 8,
    unit: 's',
    description: 'Time to write and sync a batch of records. Every answer waits for one.',
    trouble: 'Slow: the disk is. Give the audit folder a disk of its own, or a faster one.',
    queries: [0.5, 0.99].map(share => ({
      expr: quantile(share, 'audit_flush_duration_seconds'),
      legend: `p${share * 100}`,
      emptyUntil: asked,
    })),
  },
  {
    title: 'Store commits',
    shape: 'lines',
    width: 8,
    unit: 's',
    description: 'Time to commit a batch of changes durably. Every change waits for one.',
    trouble: 'Slow: the disk is. Reads do not wait for it.',
    queries: [0.5, 0.99].map(share => ({
      expr: quantile(share, 'store_commit_duration_seconds'),
      legend: `p${share * 100}`,
      emptyUntil: 'a client changes a secret',
    })),
  },
];

export const runtime: readonly PanelDefinition[] = [
  {
    title: 'Memory',
    shape: 'lines',
    width: 6,
    unit: 'bytes',
    description: 'Resident memory of the process, and what JavaScript uses of it.',
    trouble: 'Growing for hours without more traffic: a leak. Restart, and report it with the version.',
    queries: [
      { expr: series('process_resident_memory_bytes'), legend: 'resident {{instance}}' },
      { expr: series('process_heap_used_bytes'), legend: 'heap {{instance}}' },
    ],
  },
  {
    title: 'Processor',
    shape: 'lines',
    width: 6,
    unit: 'percentunit',
    description:
      'Processor time used, in processors, and the share of time in which the event loop was at work.',
    trouble: 'The event loop near 1: the service is at its limit and will shed requests.',
    runbook: 'JarvisSecretsdRequestsShed',
    queries: [
      { expr: rate('process_cpu_seconds_total', { by: 'instance' }), legend: 'processor {{instance}}' },
      { expr: series('nodejs_eventloop_utilization'), legend: 'event loop {{instance}}' },
    ],
  },
  {
    title: 'Event loop delay',
    shape: 'lines',
    width: 6,
    unit: 's',
    description: 'How late the event loop ran, p99 since the collection before. Past 1 s requests are shed.',
    trouble: 'High without traffic: the machine is starved, or the process was stopped.',
    runbook: 'JarvisSecretsdRequestsShed',
    queries: [{ expr: series('nodejs_eventloop_delay_p99'), legend: 'p99 {{instance}}' }],
  },
  {
    title: 'Shed requests',
    shape: 'lines',
    width: 6,
    unit: 'reqps',
    description: 'Requests refused each second because the service was overloaded.',
    trouble:
      'Find the client that calls most in the audit log, and the cause of slowness in the panels beside.',
    runbook: 'JarvisSecretsdRequestsShed',
    queries: [{ expr: rate('requests_shed_total'), legend: 'shed' }],
    thresholds: [[0.0001, 'red']],
  },
];
