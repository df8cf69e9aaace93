import { type Attributes, type Logger, ROOT_CONTEXT, SeverityNumber, trace } from '@opentelemetry/api';

const severities: Readonly<Record<string, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/**
 * The only facts of a line that leave the host. Names of secrets and paths of files are not among them, nor are reasons,
 * which may hold one.
 */
const attributeNames = [
  'address',
  'code',
  'collector',
  'completed',
  'failures',
  'op_id',
  'pid',
  'request_id',
  'seconds',
  'secrets',
  'signal',
  'version',
];

/**
 * Turns each line of the service's log, which is JSON, into a log record: its message, severity, time, allow-listed
 * facts and trace context. Lines are few: requests have none of their own.
 */
export function createLogBridge(logger: Logger): (line: string) => void {
  return line => {
    const facts = JSON.parse(line) as Record<string, unknown>;
    const level = String(facts['level']);
    logger.emit({
      timestamp: new Date(String(facts['time'])),
      severityNumber: severities[level] ?? SeverityNumber.UNSPECIFIED,
      severityText: level.toUpperCase(),
      body: String(facts['msg']),
      attributes: attributesOf(facts),
      context: contextOf(facts),
    });
  };
}

function attributesOf(facts: Record<string, unknown>): Attributes {
  const attributes: Attributes = {};
  for (const name of attributeNames) {
    const value = facts[name];
    if (typeof value === 'string' || typeof value === 'number') attributes[name] = value;
  }
  return attributes;
}

/** A line holds the id of a span only where the span is sampled. */
function contextOf({ trace_id: traceId, span_id: spanId }: Record<string, unknown>) {
  if (typeof traceId !== 'string' || typeof spanId !== 'string') return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1 });
}
