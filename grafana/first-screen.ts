import { increase, quantile, rate, series } from './expressions.ts';
import type { PanelDefinition } from './panel.ts';

/** Requests to vault routes that were answered with 5xx, shed ones included, as a share of all: what the objective is about. */
const failedShare = `(${rate('http_server_request_duration', { part: '_count', labels: 'http_response_status_code=~"5.."' })} or vector(0)) / ${rate('http_server_request_duration', { part: '_count' })}`;

export const isItWell: readonly PanelDefinition[] = [
  {
    title: 'Instances',
    shape: 'stat',
    width: 4,
    unit: 'short',
    description: 'Instances whose metrics arrive.',
    trouble: 'Fewer than you run: one is down, or its metrics do not reach Prometheus.',
    runbook: 'JarvisSecretsdTargetDown',
    queries: [{ expr: `count(${series('secrets_total')})`, legend: 'instances' }],
  },
  {
    title: 'Requests',
    shape: 'stat',
    width: 4,
    unit: 'reqps',
    description: 'HTTP requests received each second, probes and scrapes included.',
    trouble:
      'Near zero: clients do not reach the service. Far above the usual: see who calls, in the audit log.',
    queries: [{ expr: rate('http_requests_total'), legend: 'requests' }],
  },
  {
    title: 'Failed share',
    shape: 'stat',
    width: 4,
    unit: 'percentunit',
    description: 'Share of the requests to vault routes that were answered with 5xx. The objective is 0.1 %.',
    trouble: 'Look which status and route fails under Requests by status, then at Audit log and Store.',
    runbook: 'JarvisSecretsdErrorBudgetBurn1h',
    queries: [{ expr: failedShare, legend: 'failed', emptyUntil: 'a client asks for a secret' }],
    thresholds: [
      [0.001, 'yellow'],
      [0.0144, 'red'],
    ],
  },
  {
    title: 'Latency p99',
    shape: 'stat',
    width: 4,
    unit: 's',
    description: 'Of a hundred requests to vault routes, ninety-nine take no longer.',
    trouble: 'Compare Audit flushes, Store commits and Event loop delay: the slow one of them is the cause.',
    runbook: 'JarvisSecretsdRequestsShed',
    queries: [
      {
        expr: quantile(0.99, 'http_server_request_duration'),
        legend: 'p99',
        emptyUntil: 'a client asks for a secret',
      },
    ],
    thresholds: [
      [0.015, 'yellow'],
      [0.1, 'red'],
    ],
  },
  {
    title: 'Audit log',
    shape: 'stat',
    width: 4,
    unit: 'none',
    description: 'Whether the audit log takes records. While it does not, every read and change is refused.',
    trouble: 'Make the audit folder writable: free its disk, mend its permissions.',
    runbook: 'JarvisSecretsdAuditLatched',
    queries: [{ expr: `max(${series('audit_latched')})`, legend: 'audit log' }],
    words: { '0': ['writable', 'green'], '1': ['refuses work', 'red'] },
  },
  {
    title: 'Uptime',
    shape: 'stat',
    width: 4,
    unit: 'dtdurations',
    description: 'Time since the instance that started last has started.',
    trouble: 'Short without a deployment: it crashed. last_exit_reason, among the further metrics, says how.',
    runbook: 'JarvisSecretsdRestartLoop',
    queries: [{ expr: `time() - max(${series('process_start_time_seconds')})`, legend: 'uptime' }],
  },
];

export const whoIsDenied: readonly PanelDefinition[] = [
  {
    title: 'Denied in the last hour',
    shape: 'stat',
    width: 4,
    unit: 'short',
    description: 'Decisions of the policy that denied an action.',
    trouble: 'Who, what and why stands in the audit log: records whose decision is denied.',
    runbook: 'JarvisSecretsdDeniedSpike',
    queries: [{ expr: increase('rbac_denied_total', '1h'), legend: 'denied' }],
    thresholds: [[1, 'yellow']],
  },
  {
    title: 'Unauthenticated in the last hour',
    shape: 'stat',
    width: 4,
    unit: 'short',
    description: 'Requests whose caller could not be established.',
    trouble: 'The audit log has their addresses, summed by the minute where there are many.',
    runbook: 'JarvisSecretsdAuthenticationFailures',
    queries: [{ expr: increase('authentication_failures_total', '1h'), legend: 'unauthenticated' }],
    thresholds: [[1, 'yellow']],
  },
  {
    title: 'Decisions of the policy',
    shape: 'lines',
    width: 8,
    unit: 'ops',
    description:
      'Decisions each second, allowed and denied: one for each secret that a request names, one for a list.',
    trouble:
      'Denied rises alone: a client or the policy has changed. Compare with the marks of policy reloads.',
    runbook: 'JarvisSecretsdDeniedSpike',
    queries: [
      { expr: rate('rbac_allowed_total'), legend: 'allowed' },
      { expr: rate('rbac_denied_total'), legend: 'denied' },
    ],
  },
  {
    title: 'Callers not established',
    shape: 'lines',
    width: 8,
    unit: 'reqps',
    description: 'Requests each second without a usable identity, by reason.',
    trouble:
      'A client has lost its credential, or somebody is trying. No record names a client: look for the address.',
    runbook: 'JarvisSecretsdAuthenticationFailures',
    queries: [{ expr: rate('authentication_failures_total', { by: 'reason' }), legend: '{{reason}}' }],
  },
];

export const whatIsDue: readonly PanelDefinition[] = [
  {
    title: 'Rotations overdue',
    shape: 'stat',
    width: 4,
    unit: 'short',
    description: 'Secrets with a rotation of their own that is due and not done.',
    trouble: 'The log says why one could not be rotated, and the audit log which.',
    runbook: 'JarvisSecretsdRotationOverdue',
    queries: [{ expr: `sum(${series('rotations_overdue')})`, legend: 'overdue' }],
    thresholds: [[1, 'red']],
  },
  {
    title: 'Oldest secret',
    shape: 'stat',
    width: 4,
    unit: 'dtdurations',
    description: 'Age of the oldest version in use.',
    trouble:
      'Older than your rules allow: find it with GET /secrets by its created_at, and give it a rotation.',
    queries: [{ expr: `max(${series('oldest_secret_age_seconds')})`, legend: 'oldest' }],
    thresholds: [[90 * 86_400, 'yellow']],
  },
  {
    title: 'Scheduler',
    shape: 'stat',
    width: 4,
    unit: 's',
    description: 'Time since the scheduler last got through a round, of which one is due every 15 seconds.',
    trouble: 'Growing: rounds fail. The log says which step and why.',
    runbook: 'JarvisSecretsdSchedulerStalled',
    queries: [
      {
        expr: `time() - min(${series('scheduler_last_success_timestamp_seconds')})`,
        legend: 'since a round',
      },
    ],
    thresholds: [
      [60, 'yellow'],
      [300, 'red'],
    ],
  },
  {
    title: 'Secrets',
    shape: 'stat',
    width: 4,
    unit: 'short',
    description: 'Live secrets now.',
    trouble:
      'A step down that nobody planned: look for deletes in the audit log; POST /undelete takes one back.',
    queries: [{ expr: `sum(${series('secrets_total')})`, legend: 'secrets' }],
  },
  {
    title: 'Free disk',
    shape: 'stat',
    width: 4,
    unit: 'bytes',
    description: 'Free space where vault and audit log lie, the smaller of the two.',
    trouble: 'Free some before it is gone: a full disk refuses every change.',
    runbook: 'JarvisSecretsdDiskLow',
    queries: [{ expr: `min(${series('disk_free_bytes')})`, legend: 'free' }],
  },
  {
    title: 'Policy',
    shape: 'stat',
    width: 4,
    unit: 'none',
    description:
      'Whether the policy file was understood when it was last loaded. The policy before it stays in force.',
    trouble: 'Mend the file and send SIGHUP again; the log names the line.',
    runbook: 'JarvisSecretsdPolicyReloadFailed',
    queries: [{ expr: `min(${series('policy_reload_success')})`, legend: 'policy' }],
    words: { '0': ['old one in force', 'red'], '1': ['in force', 'green'] },
  },
];
