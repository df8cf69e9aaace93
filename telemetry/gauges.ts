import type { BatchObservableResult, Meter, ObservableGauge } from '@opentelemetry/api';
import { type GaugeName, metricDefinition } from './catalogue.ts';

/** What the gauges read at each collection. Each must be cheap: a scrape waits for all of them. */
export interface GaugeSources {
  readonly secretsTotal: () => number;
  readonly auditLatched: () => boolean;
  readonly vaultProblems: () => number;
  /** Unix seconds; null before the first success. */
  readonly vaultLastVerified: () => number | null;
  readonly rotationsOverdue: () => number;
  readonly diskShortage: () => 0 | 1 | 2;
  /** Seconds; null when there is no secret. */
  readonly oldestSecretAgeSeconds: () => number | null;
  /** Unix seconds; null before the first success. */
  readonly schedulerLastSuccess: () => number | null;
  readonly policyReloadSucceeded: () => boolean;
  /** Unix seconds; null before the first load. */
  readonly policyLastReload: () => number | null;
  readonly certificateExpiry: () => readonly {
    readonly certificate: 'server' | 'client_ca';
    /** Unix seconds. */
    readonly expiresAt: number;
  }[];
  readonly tlsReloadSucceeded: () => boolean;
  /** Shares of quotas, 0 to 1. */
  readonly quotaShares: () => readonly {
    readonly quota: 'secrets' | 'bytes' | 'tokens';
    readonly share: number;
  }[];
  readonly diskFree: () => readonly { readonly path_kind: 'vault' | 'audit'; readonly bytes: number }[];
  readonly vaultFileSizes: () => readonly { readonly file: 'database' | 'wal'; readonly bytes: number }[];
  readonly clockInDoubt: () => boolean;
  /** How far the wall clock is ahead of the expected time while it is in doubt, else 0. */
  readonly clockOffsetSeconds: () => number;
  /** One of `exitReasons`; null when nothing is known of a previous process. */
  readonly lastExitReason: () => string | null;
}

/** The values of the label `reason` of `last_exit_reason`; any other reason reads `other`. */
export const exitReasons = ['clean', 'killed', 'uncaught_error', 'store_failure', 'other'] as const;

/** The gauges that are one number without labels, and the source of each. */
const plainGauges = [
  ['secrets_total', 'secretsTotal'],
  ['audit_latched', 'auditLatched'],
  ['vault_problems', 'vaultProblems'],
  ['vault_verification_last_success_timestamp_seconds', 'vaultLastVerified'],
  ['rotations_overdue', 'rotationsOverdue'],
  ['disk_shortage', 'diskShortage'],
  ['oldest_secret_age_seconds', 'oldestSecretAgeSeconds'],
  ['scheduler_last_success_timestamp_seconds', 'schedulerLastSuccess'],
  ['policy_reload_success', 'policyReloadSucceeded'],
  ['policy_last_reload_timestamp_seconds', 'policyLastReload'],
  ['tls_reload_success', 'tlsReloadSucceeded'],
  ['clock_in_doubt', 'clockInDoubt'],
  ['clock_offset_seconds', 'clockOffsetSeconds'],
] as const satisfies readonly (readonly [GaugeName, keyof GaugeSources])[];

/**
 * Observes every gauge that has a source when a collection comes. A source that throws or gives no finite number
 * leaves its gauge at the last good value, or without labelled series, and the rest untouched.
 */
export function observeGauges(meter: Meter, sources: Partial<GaugeSources>): void {
  const plain = plainGauges.map(([name, source]) => ({ name, gauge: createGauge(meter, name), source }));
  const diskFree = createGauge(meter, 'disk_free_bytes');
  const vaultFiles = createGauge(meter, 'vault_file_bytes');
  const quotaUsed = createGauge(meter, 'quota_used_ratio');
  const certificateExpiry = createGauge(meter, 'tls_certificate_expiry_timestamp_seconds');
  const lastExitReason = createGauge(meter, 'last_exit_reason');

  const lastReadings = new Map<GaugeName, number>();

  const report = (result: BatchObservableResult) => {
    for (const { name, gauge, source } of plain) {
      attempt(() => {
        const reading = numberFrom(sources[source]?.());
        if (reading !== undefined && Number.isFinite(reading)) lastReadings.set(name, reading);
      });
      observeFinite(result, gauge, lastReadings.get(name));
    }
    attempt(() => {
      for (const { path_kind, bytes } of sources.diskFree?.() ?? []) {
        observeFinite(result, diskFree, bytes, { path_kind });
      }
    });
    attempt(() => {
      for (const { file, bytes } of sources.vaultFileSizes?.() ?? []) {
        observeFinite(result, vaultFiles, bytes, { file });
      }
    });
    attempt(() => {
      for (const { quota, share } of sources.quotaShares?.() ?? []) {
        observeFinite(result, quotaUsed, share, { quota });
      }
    });
    attempt(() => {
      for (const { certificate, expiresAt } of sources.certificateExpiry?.() ?? []) {
        observeFinite(result, certificateExpiry, expiresAt, { certificate });
      }
    });
    attempt(() => {
      const reason = sources.lastExitReason?.() ?? null;
      if (reason !== null) result.observe(lastExitReason, 1, { reason: knownExitReason(reason) });
    });
  };
  const labelled = [diskFree, quotaUsed, vaultFiles, certificateExpiry, lastExitReason];
  meter.addBatchObservableCallback(report, [...plain.map(({ gauge }) => gauge), ...labelled]);
}

export function createGauge(meter: Meter, name: GaugeName): ObservableGauge {
  const { instrument, unit } = metricDefinition(name);
  return meter.createObservableGauge(instrument, { unit });
}

/** A broken source must cost its own gauge alone, not the scrape. */
function attempt(read: () => void): void {
  try {
    read();
  } catch {
    // The component behind the source reports its own trouble.
  }
}

/** Null reads 0. Undefined means that there is no source. */
function numberFrom(reading: number | boolean | null | undefined): number | undefined {
  return reading === undefined ? undefined : Number(reading);
}

function observeFinite(
  result: BatchObservableResult,
  gauge: ObservableGauge,
  value: number | undefined,
  labels: Record<string, string> = {},
): void {
  if (Number.isFinite(value) && value !== undefined) result.observe(gauge, value, labels);
}

function knownExitReason(reason: string): string {
  return exitReasons.find(known => known === reason) ?? 'other';
}
