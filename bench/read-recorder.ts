import process from 'node:process';
import type { Metrics } from '../telemetry/instruments.ts';
import { startTelemetry, type Telemetry } from '../telemetry/sdk.ts';

/** What one read of a secret does to the fifteen metrics. */
export interface ReadRecorder {
  received(): void;
  /** Decided, decrypted, audited and handed out. */
  read(): void;
  succeeded(seconds: number): void;
}

export async function telemetry(): Promise<Telemetry> {
  return await startTelemetry({
    serviceVersion: 'bench',
    process,
    otlp: { trace_ratio: 0 },
    log: { info: ignore, warn: ignore },
    onError: ignore,
  });
}

export function ourRecorder(metrics: Metrics): ReadRecorder {
  return {
    received: () => metrics.requestReceived(),
    read() {
      metrics.accessAllowed();
      metrics.decryptionAttempted();
      metrics.auditRecordsWritten(1);
      metrics.secretRetrieved();
    },
    succeeded(seconds) {
      metrics.requestSucceeded();
      metrics.requestObserved(seconds);
    },
  };
}

function ignore(): void {}
