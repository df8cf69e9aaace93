import type { Meter } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { metricDefinition } from './catalogue.ts';
import { createGauge } from './gauges.ts';
import type { PushTarget, Signal } from './otlp-settings.ts';

/** The part of a logger that is used here. */
export interface PushLog {
  warn(facts: object, message: string): void;
  info(facts: object, message: string): void;
}

/** Told how a push ended that began at that time, in milliseconds of `performance.now()`. */
export type PushWatch = (result: ExportResult, began: number) => void;

interface SignalHealth {
  /** When a push last succeeded; before the first one, when pushing began. */
  lastSuccess: number;
  failing: boolean;
  /** The collector answered, but not with a yes. */
  refused: boolean;
}

/** How the SDK's reader begins its own error of a push that failed. */
const failedMetricPush = 'PeriodicExportingMetricReader: metrics export failed';

/** gRPC's DEADLINE_EXCEEDED and UNAVAILABLE, which no collector says; HTTP has no statuses so low. */
const grpcSilence: readonly unknown[] = [4, 14];

/** Knows how pushing goes. Says once what went wrong and once that it is over, not at each push. */
export class PushHealth {
  readonly #log: PushLog;
  readonly #signals = new Map<Signal, SignalHealth>();
  readonly #collectors = new Map<string, Reachability>();
  readonly #rejected = new Map<Signal, number>();
  readonly #told = new WeakSet<Error>();

  constructor(log: PushLog) {
    this.#log = log;
  }

  /** What is to be told of every push of the signal. */
  watch(signal: Signal, { url }: PushTarget): PushWatch {
    const health = { lastSuccess: performance.now(), failing: false, refused: false };
    this.#signals.set(signal, health);
    this.#rejected.set(signal, 0);
    // Without the path, which is another for each signal.
    const collector = URL.parse(url)?.host || url;
    const reachability = this.#collectors.get(collector) ?? new Reachability(collector, this.#log);
    this.#collectors.set(collector, reachability);
    return ({ code, error }, began) => {
      if (error !== undefined) this.#told.add(error);
      health.failing = code !== ExportResultCode.SUCCESS;
      if (!health.failing) health.lastSuccess = performance.now();
      if (health.failing && !isAnswer(error)) {
        reachability.missed(began, reasonOf(error));
        return;
      }
      reachability.reached();
      if (health.refused === health.failing) return;
      health.refused = health.failing;
      if (health.refused) {
        const facts = { signal, collector, reason: reasonOf(error) };
        this.#log.warn(facts, 'the collector refuses what is pushed; pushing goes on');
      } else {
        this.#log.info({ signal, collector }, 'the collector no longer refuses what is pushed');
      }
    };
  }

  /** A collector took a push, and left out so many of its data points, spans or log records. */
  rejected(signal: Signal, count: number): void {
    this.#rejected.set(signal, (this.#rejected.get(signal) ?? 0) + count);
  }

  /** Whether the error is of a push whose end this was told of. */
  hasTold(error: unknown): boolean {
    if (!(error instanceof Error)) return false;
    return this.#told.has(error) || error.message.startsWith(failedMetricPush);
  }

  /** What is known of each signal that is pushed. */
  observe(meter: Meter): void {
    const { instrument, unit } = metricDefinition('otlp_rejected_items_total');
    meter.createObservableCounter(instrument, { unit }).addCallback(result => {
      for (const [signal, count] of this.#rejected) result.observe(count, { signal });
    });
    createGauge(meter, 'otlp_last_push_age_seconds').addCallback(result => {
      for (const [signal, { lastSuccess }] of this.#signals) {
        result.observe((performance.now() - lastSuccess) / 1000, { signal });
      }
    });
    createGauge(meter, 'otlp_push_failing').addCallback(result => {
      for (const [signal, { failing }] of this.#signals) result.observe(Number(failing), { signal });
    });
  }
}

/** Whether a collector answers; its signals share it, so that three of them do not say the same. */
class Reachability {
  readonly #collector: string;
  readonly #log: PushLog;
  #lastReached = 0;
  #awaySince: number | null = null;

  constructor(collector: string, log: PushLog) {
    this.#collector = collector;
    this.#log = log;
  }

  reached(): void {
    this.#lastReached = performance.now();
    if (this.#awaySince === null) return;
    const seconds = Math.round((this.#lastReached - this.#awaySince) / 1000);
    this.#awaySince = null;
    this.#log.info({ collector: this.#collector, seconds }, 'the collector answers again');
  }

  /** A push that began before the last answer is old news. */
  missed(began: number, reason: string): void {
    if (this.#awaySince !== null || began < this.#lastReached) return;
    this.#awaySince = performance.now();
    this.#log.warn(
      { collector: this.#collector, reason },
      'the collector does not answer; pushing goes on, and traces and logs that find no room are lost',
    );
  }
}

function isAnswer(error: Error | undefined): boolean {
  const code = error !== undefined && 'code' in error ? error.code : undefined;
  return typeof code === 'number' && !grpcSilence.includes(code);
}

/** A refused connection to several addresses of one name has no message of its own. */
function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'unknown';
  return error.message || ('code' in error ? String(error.code) : error.name);
}
