import { pino } from 'pino';
import type { Config } from './config/schema.ts';
import type { LogOutput } from './log-output.ts';

/**
 * The service's logger. Serialisers name what may be logged of a request, so that no header, body or query ever is.
 * @param bridge is given every line too, as JSON; null for nobody
 */
export function createLogger(
  { level, json }: Config['logging'],
  output: LogOutput,
  bridge: ((line: string) => void) | null = null,
) {
  const shown = json ? (line: string) => line : forPeople;
  const lines = { write: (line: string) => output.write(shown(line), lost => shown(lossReport(lost))) };
  const stream = bridge === null ? lines : both(lines, bridge);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      serializers: {
        req: (request: { id?: unknown; method?: unknown }) => ({ id: request.id, method: request.method }),
        res: (reply: { statusCode?: unknown }) => ({ status: reply.statusCode }),
        err: (error: Error) => ({ type: error.name, message: error.message, stack: error.stack }),
      },
    },
    stream,
  );
}

export type Logger = ReturnType<typeof createLogger>;

function lossReport(lost: number): string {
  const facts = { level: 'warn', time: new Date().toISOString(), lines: lost };
  return `${JSON.stringify({ ...facts, msg: 'log lines were lost: the log could not be written' })}\n`;
}

function both(lines: { write(line: string): void }, bridge: (line: string) => void) {
  return {
    write(line: string): void {
      lines.write(line);
      bridge(line);
    },
  };
}

/** `12:00:00 WARN  message key=value`, from the JSON line. */
function forPeople(line: string): string {
  const { level, time, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const pairs = Object.entries(facts).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  return `${String(time).slice(11, 19)} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}${pairs.join('')}\n`;
}
