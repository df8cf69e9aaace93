import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import {
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import t, { type Test } from 'tap';
import { recordHttpMetrics } from '../../telemetry/http-metrics.ts';
import { noMetrics } from '../../telemetry/instruments.ts';
import { createTracing } from '../../telemetry/request-tracing.ts';
import { noSpan, noTracing, type Span } from '../../telemetry/tracing.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const sampled = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };

function traced(ratio = 1, honoursCallers = true) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const tracing = createTracing(provider.getTracer('test'), honoursCallers);
  return { tracing, spans: () => exporter.getFinishedSpans() };
}

/** A server that records, and the span that its handler saw last. */
async function serve(t: Test, { tracing }: ReturnType<typeof traced>, listener: RequestListener) {
  const seen: Span[] = [];
  const server = createServer((request, response) => {
    seen.push(tracing.spanOf(request));
    listener(request, response);
  });
  const stop = recordHttpMetrics(server, noMetrics(), () => '/secret/*', tracing);
  t.teardown(() => {
    stop();
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const get = (headers = {}) => fetch(`http://127.0.0.1:${port}/secret/a`, { headers });
  return { server, seen, get, port };
}

t.test('an answer of 5xx is an error of its span', async t => {
  const trace = traced();
  const { get } = await serve(t, trace, (_request, response) => response.writeHead(503).end());
  await get();
  t.match(trace.spans(), [
    {
      name: 'GET /secret/*',
      status: { code: 2 },
      attributes: { 'error.type': '503', 'http.response.status_code': 503 },
    },
  ]);
});

t.test('a request that its client gives up is a span too', async t => {
  const trace = traced();
  const { server, port } = await serve(t, trace, () => undefined);
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /secret/a HTTP/1.1\r\nHost: a\r\n\r\n');
  const [request] = await once(server, 'request');
  const closed = new Promise(resolve => request.socket.once('close', resolve));
  socket.resetAndDestroy();
  await closed;
  t.match(trace.spans(), [{ name: 'GET /secret/*', attributes: { 'error.type': 'aborted' } }]);
});

t.test('what is not sampled is nothing, unless a caller named its trace', async t => {
  const trace = traced(0);
  const { get, seen } = await serve(t, trace, (_request, response) => response.end());
  await get();
  t.equal(seen[0], noSpan);
  await get({ traceparent: sampled.traceparent.replace(/01$/, '00') });
  t.match(seen[1], { traceId, spanId: null });
  t.equal(trace.spans().length, 0);
  await get(sampled);
  t.match(trace.spans(), [{ parentSpanContext: { traceId, isRemote: true } }]);
});

t.test('OTEL_PROPAGATORS may leave traceparent out', async t => {
  const trace = traced(1, false);
  const { get } = await serve(t, trace, (_request, response) => response.end());
  await get(sampled);
  t.equal(trace.spans()[0]?.parentSpanContext, undefined);
});

t.test('a step that fails tells its type, and passes the error on as it is', async t => {
  const { tracing, spans } = traced();
  const failures = {
    not_found: Object.assign(new Error('app/db is not there'), { code: 'not_found' }),
    TypeError: new TypeError('app/db'),
    _OTHER: Object.assign(new Error('x'), { code: 'app/db' }),
  };
  for (const [type, failure] of Object.entries(failures)) {
    const throwing = () => {
      throw failure;
    };
    await tracing.background('rotation.round', async span => {
      t.equal(
        t.throws(() => span.step('secret.decrypt', throwing)),
        failure,
      );
      await t.rejects(
        span.step('store.commit', async () => throwing()),
        failure,
      );
    });
    const steps = spans().slice(-3, -1);
    t.match(steps, [{ attributes: { 'error.type': type } }, { attributes: { 'error.type': type } }]);
    for (const step of steps) t.same(step.status, { code: 2 }, 'no message, which may hold a name');
  }
});

t.test('children begin and end within their parent', async t => {
  const { tracing, spans } = traced();
  for (let round = 0; round < 50; round++) {
    await tracing.background('rotation.round', async span => {
      const from = performance.now();
      span.step('audit.append', append => append.passed('audit.queue', from, performance.now()));
    });
  }
  const byId = new Map(spans().map(span => [span.spanContext().spanId, span]));
  const nanoseconds = ([seconds, rest]: readonly [number, number]) =>
    BigInt(seconds) * 1_000_000_000n + BigInt(rest);
  let children = 0;
  for (const span of spans()) {
    const parent = byId.get(span.parentSpanContext?.spanId ?? '');
    if (parent === undefined || span.name === 'audit.queue') continue;
    children++;
    t.ok(nanoseconds(span.startTime) >= nanoseconds(parent.startTime), 'not before');
    t.ok(nanoseconds(span.endTime) <= nanoseconds(parent.endTime), 'not after');
  }
  t.equal(children, 50);
});

t.test('without tracing the work is only done', async t => {
  t.equal(await noTracing.background('rotation.round', async span => span), noSpan);
  t.equal(
    noSpan.step('store.commit', span => span),
    noSpan,
  );
});
