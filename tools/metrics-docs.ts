/**
 * Builds docs/metrics.md and the list of metrics in DEPLOYMENT_GUIDE.md from the catalogue: `bin/pinned-node tools/metrics-docs.ts`
 * writes them, `--check` exits 1 when one is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { argv, exit, stderr } from 'node:process';
import { catalogue, type MetricDefinition } from '../telemetry/catalogue.ts';

const note = '<!-- Built from telemetry/catalogue.ts by tools/metrics-docs.ts; do not edit. -->';
const end = '<!-- The end of what is built. -->';

/** The whole text of docs/metrics.md. */
export function metricsDocument(): string {
  return `# Metrics

${note}

\`GET /metrics\` serves these in Prometheus text 0.0.4 or, to a client whose \`Accept\` names it, OpenMetrics 1.0.0. The
series names are the same in both. No label ever holds the name of a secret or a client.

${tables('##')}`;
}

/** The guide with its list of metrics as the catalogue has them now. @throws Error where the guide has no place for it */
export function guideWithMetrics(guide: string): string {
  const from = guide.indexOf(note);
  const to = guide.indexOf(end);
  if (from === -1 || to < from) throw new Error(`DEPLOYMENT_GUIDE.md lacks ${note} … ${end}`);
  return `${guide.slice(0, from)}${note}\n\n${tables('###')}\n${guide.slice(to)}`;
}

function tables(heading: '##' | '###'): string {
  const fifteen = catalogue.filter(({ contract }) => contract);
  const extras = catalogue.filter(({ contract }) => !contract);
  return `${heading} The contract

These names and meanings do not change. They carry no labels and are present, with value 0, from the first scrape.

${table(fifteen)}

${heading} Further metrics

A metric whose labels depend on what happens appears when it first happens. Names that come from OpenTelemetry's
semantic conventions keep them, with underscores for dots and no unit suffix.

${table(extras)}
`;
}

function table(definitions: readonly MetricDefinition[]): string {
  return ['| Name | Kind | Labels | Meaning |', '|---|---|---|---|', ...definitions.map(row)].join('\n');
}

function row({ name, kind, attributes, help, buckets }: MetricDefinition): string {
  const labels = attributes.map(attribute => `\`${attribute.replaceAll('.', '_')}\``).join(', ');
  const bounds = buckets.length === 0 ? '' : ` Buckets: ${buckets.join(', ')}.`;
  return `| \`${name}\` | ${kind} | ${labels} | ${help}${bounds} |`;
}

const outputs: readonly (readonly [path: string, text: (before: string) => string])[] = [
  ['../docs/metrics.md', metricsDocument],
  ['../DEPLOYMENT_GUIDE.md', guideWithMetrics],
];

function main(): void {
  for (const [path, text] of outputs) {
    const file = new URL(path, import.meta.url);
    const before = readFileSync(file, 'utf8');
    if (before === text(before)) continue;
    if (argv.includes('--check')) {
      stderr.write(`${path} is stale; run \`bin/pinned-node tools/metrics-docs.ts\`.\n`);
      exit(1);
    }
    writeFileSync(file, text(before));
  }
}

if (import.meta.main) main();
