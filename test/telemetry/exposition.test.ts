import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import t from 'tap';
import { createExposition, type Exposition } from '../../telemetry/exposition.ts';
import { createMetrics } from '../../telemetry/instruments.ts';
import { catalogueViews } from '../../telemetry/views.ts';

/** An exposition over a real reader, and what went wrong in it. */
function exposed(deadline = 1000) {
  const source = new PrometheusExporter({ preventServerStart: true });
  const meter = new MeterProvider({ readers: [source], views: [...catalogueViews] }).getMeter('test');
  const errors: unknown[] = [];
  const exposition = createExposition({ source, deadline, onError: error => void errors.push(error) });
  return { meter, metrics: createMetrics(meter), exposition, errors };
}

async function text(exposition: Exposition): Promise<string> {
  return (await exposition.render({})).body.toString();
}

t.test('classic text unless OpenMetrics is asked for', async t => {
  const { exposition, metrics } = exposed();
  metrics.requestReceived();
  const classic = await exposition.render({});
  t.equal(classic.status, 200);
  t.equal(classic.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  t.equal(classic.headers['content-encoding'], undefined);
  t.match(classic.body, '\nhttp_requests_total 1\n');

  const openMetrics = await exposition.render({ accept: 'application/openmetrics-text' });
  t.equal(openMetrics.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  t.match(openMetrics.body, /\nhttp_requests_total 1\n.*\n# EOF\n$/s);
});

t.test('gzip when it is accepted', async t => {
  const { exposition } = exposed();
  const reply = await exposition.render({ acceptEncoding: 'gzip' });
  t.match(reply.headers, { 'content-encoding': 'gzip', vary: 'accept, accept-encoding' });
  t.equal((await promisify(gunzip)(reply.body)).toString(), await text(exposition));
});

t.test('a callback that fails makes the scrape fail, and the next one may succeed', async t => {
  const { exposition, meter, errors } = exposed();
  let failure: Error | undefined = new Error('details that no scraper is told');
  meter.createObservableGauge('failing').addCallback(() => {
    if (failure !== undefined) throw failure;
  });
  const reply = await exposition.render({ acceptEncoding: 'gzip' });
  t.equal(reply.status, 500);
  t.equal(reply.headers['content-type'], 'text/plain; charset=utf-8');
  t.notMatch(reply.body, /details|http_requests/);
  t.match(errors, [{ errors: [failure] }]);
  failure = undefined;
  t.equal((await exposition.render({})).status, 200);
});

t.test('a callback that never ends makes the scrape fail at the deadline', async t => {
  const { exposition, meter, errors } = exposed(20);
  meter.createObservableGauge('hanging').addCallback(() => new Promise<void>(() => undefined));
  t.equal((await exposition.render({})).status, 500);
  t.match(errors, [{ errors: [{ name: 'Error', message: /timed out/ }] }]);
});

t.test('scrapes at the same time share one collection', async t => {
  const { exposition, metrics } = exposed();
  let collections = 0;
  metrics.observe({ secretsTotal: () => ++collections });
  const replies = await Promise.all([exposition.render({}), exposition.render({}), exposition.render({})]);
  t.equal(collections, 1);
  for (const { body } of replies) t.match(body, '\nsecrets_total 1\n');
  t.match(await text(exposition), '\nsecrets_total 2\n');
});

t.test('without an SDK a scrape is answered 503', async t => {
  const exposition = createExposition({
    source: undefined,
    deadline: 1000,
    onError: error => t.fail(String(error)),
  });
  const reply = await exposition.render({ accept: 'application/openmetrics-text' });
  t.equal(reply.status, 503);
  t.equal(reply.headers['content-type'], 'text/plain; charset=utf-8');
});
