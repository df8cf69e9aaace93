import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import t from 'tap';
import { PushHealth } from '../../telemetry/push-health.ts';

const taken: ExportResult = { code: ExportResultCode.SUCCESS };

function failed(code: unknown, message = 'no'): ExportResult {
  return { code: ExportResultCode.FAILED, error: Object.assign(new Error(message), { code }) };
}

function watched(url = 'http://c:4318/v1/traces') {
  const lines: (readonly [message: string, facts: object])[] = [];
  const note = (facts: object, message: string) => void lines.push([message.split(';')[0] ?? '', facts]);
  const health = new PushHealth({ warn: note, info: note });
  const target = { protocol: 'http/protobuf', url } as const;
  return { traces: health.watch('traces', target), logs: health.watch('logs', target), lines };
}

const now = () => performance.now();
const gone = 'the collector does not answer';
const back = 'the collector answers again';

t.test('signals of one collector share a line', async t => {
  const { traces, logs, lines } = watched();
  traces(failed('ECONNREFUSED', ''), now());
  logs(failed(undefined, 'Request timed out'), now());
  traces(failed('ECONNREFUSED'), now());
  t.match(lines, [[gone, { collector: 'c:4318', reason: 'ECONNREFUSED' }]]);
  logs(taken, now());
  traces(taken, now());
  t.match(lines.slice(1), [[back, { collector: 'c:4318' }]]);
});

t.test('a failure that began before the last answer is old news', async t => {
  const { traces, logs, lines } = watched();
  const began = now();
  traces(taken, began);
  logs(failed('ETIMEDOUT'), began - 1);
  t.same(lines, []);
});

t.test('a collector that refuses one signal is there for the others', async t => {
  const { traces, logs, lines } = watched();
  for (let push = 0; push < 3; push++) {
    traces(failed(404, 'Not Found'), now());
    logs(taken, now());
  }
  t.match(lines, [['the collector refuses what is pushed', { signal: 'traces', reason: 'Not Found' }]]);
  traces(taken, now());
  t.match(lines.slice(1), [['the collector no longer refuses what is pushed', { signal: 'traces' }]]);
});

t.test('gRPC says by a code that nobody answered', async t => {
  const { traces, lines } = watched('http://c:4317');
  traces(failed(14, '14 UNAVAILABLE'), now());
  t.match(lines, [[gone, { collector: 'c:4317' }]]);
  traces(failed(12, '12 UNIMPLEMENTED'), now());
  t.equal(lines[1]?.[0], back);
});
