/** One running service whose telemetry goes to a collector on loopback, all of it sampled. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { catalogue } from '../../telemetry/catalogue.ts';
import { filesIn, install, readAudit, startService } from '../helpers/service.ts';
import { startCollector } from './collector.ts';
import type { PushedSpan } from './otlp-payloads.ts';

const unique = () => randomBytes(8).toString('hex');
const [name, value, client, caller] = [`app/${unique()}`, unique(), unique(), unique()];

const collector = await startCollector();
const installation = await install(t.testdir(), {
  JARVIS_SECRETSD_TELEMETRY_OTLP_ENDPOINT: collector.url,
  JARVIS_SECRETSD_TELEMETRY_OTLP_TRACE_RATIO: '1',
  OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20of-the-collector',
  OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  OTEL_SERVICE_NAME: 'vault-of-team-a',
  OTEL_METRIC_EXPORT_INTERVAL: '300',
  OTEL_BSP_SCHEDULE_DELAY: '20',
  OTEL_BLRP_SCHEDULE_DELAY: '20',
});
const service = await startService(installation);

/** The spans of one trace, once its server span has come: that one ends last. */
async function traceOf(traceId: string): Promise<PushedSpan[]> {
  const ofTrace = () => collector.spans.filter(span => span.traceId === traceId);
  await collector.until(() => ofTrace().find(({ kind }) => kind === 2), `a server span of ${traceId}`);
  return ofTrace();
}

function newTraceparent(flags: '00' | '01'): {
  traceId: string;
  parent: string;
  header: { traceparent: string };
} {
  const [traceId, parent] = [randomBytes(16).toString('hex'), unique()];
  return { traceId, parent, header: { traceparent: `00-${traceId}-${parent}-${flags}` } };
}

/** The records of one request, by the id that its answer carries. */
function auditOf(answer: Response): { trace_id: string | null; event: string }[] {
  const id = answer.headers.get('x-request-id');
  const lines = filesIn(join(installation.folder, 'data/audit')).flatMap(file =>
    readAudit(installation, file).trimEnd().split('\n'),
  );
  return lines.map(line => JSON.parse(line)).filter(record => record.request_id === id);
}

t.test('the first push of metrics has all fifteen, at zero', async t => {
  const push = await collector.until(
    () => collector.pushes.find(({ signal }) => signal === 'metrics'),
    'of metrics',
  );
  t.equal(push.path, '/v1/metrics');
  t.equal(push.headers['content-type'], 'application/x-protobuf');
  t.equal(push.headers['content-encoding'], 'gzip');
  t.equal(push.headers.authorization, 'Bearer of-the-collector');
  const fifteen = catalogue.filter(({ contract }) => contract);
  t.equal(fifteen.length, 15);
  for (const { name } of fifteen) {
    t.same(
      push.metrics.filter(metric => metric.name === name),
      [{ name, attributes: {}, value: 0 }],
      name,
    );
  }
});

t.test('a change is a trace from the request to the commit', async t => {
  const { traceId, parent, header } = newTraceparent('01');
  const answer = await service.request('POST', '/secret', { name, value }, header);
  t.equal(answer.status, 201);
  const spans = await traceOf(traceId);
  const server = spans.find(({ kind }) => kind === 2);
  t.match(server, { name: 'POST /secret', parentSpanId: parent, status: 0 });
  t.same(server?.attributes, {
    'http.request.method': 'POST',
    'http.route': '/secret',
    'url.path': '/secret',
    'url.scheme': 'http',
    'network.protocol.version': '1.1',
    'http.response.status_code': 201,
    'http.response.header.x-request-id': [answer.headers.get('x-request-id')],
  });
  t.match(server?.resource, {
    'service.name': 'vault-of-team-a',
    'deployment.environment.name': 'test',
    'host.name': undefined,
    'process.command_args': undefined,
  });
  const children = spans.filter(({ parentSpanId }) => parentSpanId === server?.spanId);
  t.same(
    children.map(span => span.name).toSorted(),
    ['audit.append', 'audit.append', 'policy.decide', 'secret.encrypt', 'store.commit'],
    'intent and outcome are appended',
  );
  t.match(children.find(span => span.name === 'policy.decide')?.attributes, {
    'jarvis.action': 'create',
    'jarvis.decision': 'allow',
  });
  for (const append of children.filter(span => span.name === 'audit.append')) {
    const parts = spans.filter(({ parentSpanId }) => parentSpanId === append.spanId);
    t.same(parts.map(span => span.name).toSorted(), ['audit.flush', 'audit.queue']);
    for (const part of parts) t.ok(part.start >= append.start && part.start <= part.end, 'in time');
  }
  t.same(
    auditOf(answer).map(({ event, trace_id }) => [event, trace_id]),
    [
      ['intent', traceId],
      ['outcome', traceId],
    ],
  );
});

t.test('a read is a trace, and what the caller adds beside traceparent goes nowhere', async t => {
  const { traceId, header } = newTraceparent('01');
  const answer = await service.request('GET', `/secret/${name}?version=1`, undefined, {
    ...header,
    tracestate: `vendor=${caller}`,
    baggage: `user=${caller}`,
    'user-agent': caller,
  });
  t.equal(((await answer.json()) as { value: string }).value, value);
  const spans = await traceOf(traceId);
  t.same(spans.map(span => span.name).toSorted(), [
    'GET /secret/*',
    'audit.append',
    'audit.flush',
    'audit.queue',
    'policy.decide',
    'secret.decrypt',
  ]);
});

t.test('refusals and failures are traces too', async t => {
  const denied = newTraceparent('01');
  const answer = await service.request('GET', `/secret/${name}`, undefined, {
    ...denied.header,
    'x-jarvis-client': client,
  });
  t.equal(answer.status, 403);
  const spans = await traceOf(denied.traceId);
  t.match(spans.find(span => span.name === 'policy.decide')?.attributes, { 'jarvis.decision': 'deny' });
  t.equal(spans.find(({ kind }) => kind === 2)?.status, 0, 'a 4xx is no error of the server');

  const unknown = newTraceparent('01');
  const refused = await service.request('GET', `/secret/${name}`, undefined, {
    ...unknown.header,
    'x-jarvis-client': '',
  });
  t.equal(refused.status, 401);
  t.same(
    auditOf(refused),
    auditOf(refused).filter(({ trace_id }) => trace_id === unknown.traceId),
  );
  t.equal(auditOf(refused).length, 1);

  const nowhere = newTraceparent('01');
  await service.request('GET', `/nothing/${name}`, undefined, nowhere.header);
  t.match(await traceOf(nowhere.traceId), [
    { name: 'GET', attributes: { 'http.response.status_code': 404 } },
  ]);
});

t.test('a caller that does not sample is heard; a header that is no traceparent is not', async t => {
  const quiet = newTraceparent('00');
  const answer = await service.request('GET', `/secret/${name}`, undefined, quiet.header);
  t.same(
    auditOf(answer).map(({ trace_id }) => trace_id),
    [quiet.traceId],
    'the record still names the trace',
  );
  const strange = await service.request('GET', `/secret/${name}`, undefined, {
    traceparent: `00-${caller}-x`,
  });
  const [record] = auditOf(strange);
  t.match(record?.trace_id, /^[0-9a-f]{32}$/, 'a trace begins here');
  await traceOf(record?.trace_id ?? '');
  t.same(
    collector.spans.filter(({ traceId }) => traceId === quiet.traceId),
    [],
  );
});

t.test('probes and scrapes are no traces', async t => {
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    const { traceId, header } = newTraceparent('01');
    await service.request('GET', path, undefined, header);
    const later = newTraceparent('01');
    await service.request('GET', '/secrets', undefined, later.header);
    await traceOf(later.traceId);
    t.same(
      collector.spans.filter(span => span.traceId === traceId),
      [],
      path,
    );
  }
});

t.test('the scheduler has traces of its own', async t => {
  const { name, parentSpanId } = await collector.until(
    () => collector.spans.find(span => span.name === 'rotation.round'),
    'a round of the scheduler',
  );
  t.match({ name, parentSpanId }, { parentSpanId: '' });
});

t.test('buckets of a scrape in OpenMetrics name a trace that was pushed', async t => {
  const scrape = async (accept: string) =>
    (await service.request('GET', '/metrics', undefined, { accept })).text();
  const text = await scrape('application/openmetrics-text');
  const pattern =
    /^(http_request_duration_seconds_bucket|http_server_request_duration_bucket)\{.*le="([^"]+)"\} \d+ # \{trace_id="([0-9a-f]{32})",span_id="([0-9a-f]{16})"\} (\S+) (\d+\.\d{3})$/gm;
  const exemplars = [...text.matchAll(pattern)];
  for (const histogram of ['http_request_duration_seconds_bucket', 'http_server_request_duration_bucket']) {
    t.ok(
      exemplars.some(([, series]) => series === histogram),
      histogram,
    );
  }
  t.equal(text.match(/ # \{/g)?.length, exemplars.length, 'nothing else has one');
  for (const [, , bound = '', traceId = '', spanId, seconds = '', time] of exemplars) {
    t.ok((await traceOf(traceId)).some(span => span.spanId === spanId && span.kind === 2));
    t.ok(bound === '+Inf' || Number(seconds) <= Number(bound), 'it fell into its bucket');
    t.ok(Math.abs(Number(time) - Date.now() / 1000) < 3600);
  }
  t.notMatch(await scrape('text/plain'), ' # {', 'the classic text has none');
});

t.test('how pushing goes is on the scrape', async t => {
  const samples = await service.scrape();
  for (const signal of ['metrics', 'traces', 'logs']) {
    t.equal(samples.get(`otlp_push_failing{signal="${signal}"}`), 0, signal);
    t.ok((samples.get(`otlp_last_push_age_seconds{signal="${signal}"}`) ?? -1) >= 0, signal);
  }
  const type = 'otel_component_type="batching_span_processor"';
  t.equal(samples.get(`otel_sdk_processor_span_queue_capacity{${type}}`), 2048);
  t.ok((samples.get(`otel_sdk_processor_span_processed{${type}}`) ?? 0) > 10);
});

t.test('log lines go to the collector, those of a request with its trace', async t => {
  const ready = await collector.until(
    () => collector.logs.find(({ body }) => body === 'ready'),
    'the ready line',
  );
  t.match(ready, { severity: 'INFO', traceId: '', attributes: { pid: service.child.pid } });
  t.same(Object.keys(ready.attributes).toSorted(), ['address', 'pid', 'secrets', 'version'], 'no paths');

  rmSync(join(installation.folder, 'data/audit'), { recursive: true });
  const { traceId, header } = newTraceparent('01');
  const answer = await service.request('GET', `/secret/${name}`, undefined, header);
  t.equal(answer.status, 503);
  const ids = { trace_id: traceId, request_id: answer.headers.get('x-request-id') };
  const line = service
    .output()
    .split('\n')
    .filter(text => text.includes(traceId))
    .map(text => JSON.parse(text));
  const server = (await traceOf(traceId)).find(({ kind }) => kind === 2);
  t.match(server, { status: 2, attributes: { 'error.type': '503' } });
  t.match(line, [{ ...ids, span_id: server?.spanId, msg: 'request failed' }]);
  const record = await collector.until(
    () => collector.logs.find(log => log.traceId === traceId),
    'the line of the failed request',
  );
  t.match(record, {
    body: 'request failed',
    severity: 'ERROR',
    spanId: server?.spanId,
    attributes: { code: 'unavailable', request_id: ids.request_id, reason: undefined },
  });
});

t.test('no name, value, client or word of a caller is in what was pushed', async t => {
  t.equal(await service.stop(), 0);
  collector.close();
  const seen = collector.pushes.flatMap(({ signal, body }) =>
    [name, value, client, caller]
      .filter(text => body.includes(text) || body.includes(text.replace('/', '%2F')))
      .map(text => `${text} in ${signal}`),
  );
  t.same(seen, []);
  t.ok(
    collector.pushes.some(({ body }) => body.includes('secret.decrypt')),
    'it can be searched',
  );
});
