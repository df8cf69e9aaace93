import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../tools/free-port.ts';
import { checkout } from '../helpers/service.ts';
import { type Program, startProgram } from './programs.ts';

/** A port on which nothing listens. */
const nowhere = '127.0.0.1:1';

/** Host and port of what prometheus.yml names. */
export interface ScrapeTargets {
  readonly service?: string;
  readonly collectorExporter?: string;
  readonly collectorItself?: string;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface RunningPrometheus {
  readonly program: Program;
  readonly url: string;
  /** @throws Error what Prometheus says against the expression */
  query(expression: string): Promise<Sample[]>;
  /** The `data` of an answer of its HTTP API. */
  api(path: string): Promise<unknown>;
}

/** Starts Prometheus on the shipped prometheus.yml, with addresses of this machine and an interval of two seconds. */
export async function startPrometheus(folder: string, targets: ScrapeTargets): Promise<RunningPrometheus> {
  mkdirSync(folder, { recursive: true });
  const configFile = join(folder, 'prometheus.yml');
  writeFileSync(configFile, onThisMachine(targets));
  const url = `http://127.0.0.1:${await freePort()}`;
  const program = await startProgram(
    'prometheus',
    [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${new URL(url).host}`,
      '--web.enable-otlp-receiver',
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
    ],
    `${url}/-/ready`,
  );
  const api = (path: string) => ask(url + path);
  return { program, url, api, query: expression => query(api, expression) };
}

function onThisMachine({ service, collectorExporter, collectorItself }: ScrapeTargets): string {
  const replacements: readonly (readonly [shipped: string, here: string])[] = [
    ['jarvis-secretsd:8081', service ?? nowhere],
    ['otel-collector:8889', collectorExporter ?? nowhere],
    ['otel-collector:8888', collectorItself ?? nowhere],
    ['alertmanager:9093', nowhere],
    ['- prometheus.rules.yml', `- ${join(checkout, 'prometheus.rules.yml')}`],
    ['scrape_interval: 15s', 'scrape_interval: 2s'],
    ['scrape_timeout: 10s', 'scrape_timeout: 2s'],
    ['evaluation_interval: 15s', 'evaluation_interval: 1s'],
  ];
  let text = readFileSync(join(checkout, 'prometheus.yml'), 'utf8');
  for (const [shipped, here] of replacements) {
    if (!text.includes(shipped)) throw new Error(`prometheus.yml has no ${shipped}`);
    text = text.replace(shipped, here);
  }
  return text;
}

async function ask(url: string): Promise<unknown> {
  const { status, data, error } = (await (await fetch(url)).json()) as Record<string, unknown>;
  if (status !== 'success') throw new Error(String(error));
  return data;
}

async function query(api: (path: string) => Promise<unknown>, expression: string): Promise<Sample[]> {
  const data = await api(`/api/v1/query?query=${encodeURIComponent(expression)}`);
  const { resultType, result } = data as { resultType: string; result: unknown };
  if (resultType !== 'vector') throw new Error(`${expression} is a ${resultType}`);
  return (result as { metric: Record<string, string>; value: [number, string] }[]).map(
    ({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }),
  );
}
