import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { setGlobalErrorHandler } from '@opentelemetry/core';
import type { Environment, Signal } from './otlp-settings.ts';
import type { PushHealth, PushLog } from './push-health.ts';

/** A collector that is wrong about everything must not fill the disk. */
const mostLines = 10;
const windowMs = 60_000;
const mostCharacters = 300;

const levels: Readonly<Record<string, DiagLogLevel>> = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
};

/** How the SDK's response handlers begin what they say of a partial success, whose JSON follows. */
const partialSuccess = 'Received Partial Success response:';

/** The count of what was rejected, by the field of the response that holds it (opentelemetry-proto, collector). */
const rejectedFields: Readonly<Record<string, Signal>> = {
  rejectedDataPoints: 'metrics',
  rejectedSpans: 'traces',
  rejectedLogRecords: 'logs',
};

/** Takes what the SDK says of itself into the log of the service: a few lines a minute, and no credentials. */
export class SdkLog {
  readonly #log: PushLog;
  readonly #health: PushHealth;
  readonly #level: DiagLogLevel;
  readonly #secrets: readonly string[];
  #windowStart = Number.NEGATIVE_INFINITY;
  #lines = 0;

  constructor(log: PushLog, health: PushHealth, environment: Environment) {
    this.#log = log;
    this.#health = health;
    this.#level = levels[environment['OTEL_LOG_LEVEL']?.trim().toLowerCase() || 'warn'] ?? DiagLogLevel.WARN;
    this.#secrets = credentialsIn(environment);
  }

  /** Takes the place of any other logger: NodeSDK sets one of its own, which prints to the console. */
  install(): void {
    const say =
      (level: string) =>
      (message: string, ...details: unknown[]) =>
        void this.#say(level, message, details);
    const logger: DiagLogger = {
      error: say('error'),
      warn: say('warn'),
      info: say('info'),
      debug: say('debug'),
      verbose: say('verbose'),
    };
    diag.disable();
    diag.setLogger(logger, { logLevel: this.#level, suppressOverrideMessage: true });
    setGlobalErrorHandler(error => {
      // What PushHealth tells once, the SDK says at each push.
      if (!this.#health.hasTold(error)) diag.error(messageOf(error));
    });
  }

  #say(level: string, message: string, details: readonly unknown[]): void {
    if (message === partialSuccess) this.#notePartialSuccess(String(details[0]));
    if (!this.#hasRoom()) return;
    const text = [message, ...details.map(messageOf)].join(' ').slice(0, 10 * mostCharacters);
    const reason = this.#withoutSecrets(text).slice(0, mostCharacters);
    const facts = { level_of_sdk: level, reason };
    if (level === 'error' || level === 'warn') this.#log.warn(facts, 'OpenTelemetry reports a problem');
    else this.#log.info(facts, 'OpenTelemetry says');
  }

  /** A collector that takes a push and leaves out some of it. */
  #notePartialSuccess(json: string): void {
    let response: unknown;
    try {
      response = JSON.parse(json);
    } catch {
      return;
    }
    for (const [field, signal] of Object.entries(rejectedFields)) {
      const count = Number(Object(response)[field] ?? 0);
      if (count > 0) this.#health.rejected(signal, count);
    }
  }

  #hasRoom(): boolean {
    const now = performance.now();
    if (now - this.#windowStart >= windowMs) {
      const left = this.#lines - mostLines;
      if (left > 0) this.#log.warn({ lines: left }, 'lines of OpenTelemetry were left out of this log');
      this.#windowStart = now;
      this.#lines = 0;
    }
    this.#lines++;
    return this.#lines <= mostLines;
  }

  #withoutSecrets(text: string): string {
    return this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, '[redacted]'), text);
  }
}

function messageOf(detail: unknown): string {
  if (detail instanceof Error) return detail.message || detail.name;
  return typeof detail === 'string' ? detail : typeof detail;
}

/** Every value of a header for the collector, as it stands in the variable and as it is sent. */
function credentialsIn(environment: Environment): string[] {
  return Object.entries(environment)
    .filter(([name]) => name.startsWith('OTEL_') && name.endsWith('_HEADERS'))
    .flatMap(([, value = '']) => value.split(','))
    .map(pair => pair.slice(pair.indexOf('=') + 1).trim())
    .flatMap(value => (value === '' ? [] : [value, decodeURIComponent(value)]))
    .toSorted((a, b) => b.length - a.length);
}
