import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { install, parseSamples, startService } from '../helpers/service.ts';
import { collectorAddresses, startCollector } from './collector.ts';
import { until } from './programs.ts';
import { type RunningPrometheus, startPrometheus } from './prometheus.ts';
import { campaignOnly, stackTimeout } from './tools.ts';
import { driveRound } from './traffic.ts';

const histograms = ['http_request_duration_seconds', 'http_server_request_duration'];
/** Enough to close the time that a query asks for, in seconds. */
const slack = 60;

/** OTLP's SPAN_KIND_SERVER. */
const serverSpan = 2;

t.setTimeout(stackTimeout);

t.test('from a bucket in Prometheus to the trace in the collector', { skip: campaignOnly }, async t => {
  const folder = t.testdir();
  const tracesFile = join(folder, 'traces.jsonl');
  const overlay = join(folder, 'to-file.yaml');
  writeFileSync(overlay, `exporters: { file: { path: ${tracesFile}, flush_interval: 100ms } }\n`);
  const addresses = await collectorAddresses();
  const installation = await install(join(folder, 'service'), {
    JARVIS_SECRETSD_TELEMETRY_OTLP_ENDPOINT: `http://${addresses.otlp}`,
    JARVIS_SECRETSD_TELEMETRY_OTLP_TRACE_RATIO: '1',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  });
  const prometheus = await startPrometheus(join(folder, 'prometheus'), {
    service: `127.0.0.1:${installation.port}`,
  });
  t.teardown(() => prometheus.program.stop());
  const collector = await startCollector({
    folder,
    addresses,
    prometheus: prometheus.url,
    overlays: [overlay],
    environment: { TRACES_EXPORTER: 'file' },
  });
  t.teardown(() => collector.stop());
  const service = await startService(installation);
  t.teardown(() => service.stop());
  await driveRound(service, 'round');

  for (const histogram of histograms) {
    await t.test(histogram, async t => {
      const exemplars = await until('Prometheus has stored an exemplar', async () => {
        const found = await storedExemplars(prometheus, histogram);
        return found.length > 0 && found;
      });
      for (const { le, value, traceId, spanId } of exemplars) {
        t.ok(value <= le, `${value} s is in the bucket up to ${le} s`);
        const span = await until(`trace ${traceId} has reached the collector`, async () =>
          receivedSpans(tracesFile).find(received => received.spanId === spanId),
        );
        t.equal(span.traceId, traceId, 'of the same trace');
        t.equal(span.kind, serverSpan, `${span.name} is the span of a request`);
      }
    });
  }

  await t.test('Prometheus has taken every scrape whole, as OpenMetrics', async t => {
    const { activeTargets } = (await prometheus.api('/api/v1/targets?state=active')) as Targets;
    t.match(
      activeTargets.find(({ labels }) => labels['job'] === 'jarvis-secretsd'),
      { health: 'up', lastError: '' },
    );
    const own = parseSamples(await (await fetch(`${prometheus.url}/metrics`)).text());
    const refusals = [...own].filter(([name]) =>
      /^prometheus_target_scrapes_(sample|exemplar|exceeded)_\w+_total$/.test(name),
    );
    t.ok(refusals.length > 4, `${refusals.length} reasons to leave something out`);
    t.same(
      refusals.filter(([, count]) => count > 0),
      [],
    );
  });
});

interface Targets {
  readonly activeTargets: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly health: string;
    readonly lastError: string;
  }[];
}

interface StoredExemplar {
  /** Seconds. */
  readonly le: number;
  readonly value: number;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

async function storedExemplars(prometheus: RunningPrometheus, histogram: string): Promise<StoredExemplar[]> {
  const now = Date.now() / 1000;
  const parameters = new URLSearchParams({
    query: `${histogram}_bucket{job="jarvis-secretsd"}`,
    start: String(now - 3600),
    end: String(now + slack),
  });
  const series = (await prometheus.api(`/api/v1/query_exemplars?${parameters}`)) as {
    seriesLabels: Record<string, string>;
    exemplars: { labels: Record<string, string>; value: string }[];
  }[];
  return series.flatMap(({ seriesLabels, exemplars }) =>
    exemplars.map(({ labels, value }) => ({
      le: seriesLabels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(seriesLabels['le']),
      value: Number(value),
      traceId: labels['trace_id'],
      spanId: labels['span_id'],
    })),
  );
}

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly kind: number;
}

/** Every span that the collector has written, one OTLP request a line. */
function receivedSpans(file: string): ReceivedSpan[] {
  if (!existsSync(file)) return [];
  // The last line may be half written.
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.flatMap(line => {
    const { resourceSpans } = JSON.parse(line) as {
      resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[];
    };
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  });
}
