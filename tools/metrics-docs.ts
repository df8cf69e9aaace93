/**
 * Builds docs/metrics.md from the catalogue: `node tools/metrics-docs.ts` writes it, `--check` exits 1 when it is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { argv, exit, stderr } from 'node:process';
import { catalogue, type MetricDefinition } from '../telemetry/catalogue.ts';

const documentPath = new URL('../docs/metrics.md', import.meta.url);

/** The whole text of docs/metrics.md. */
export function metricsDocument(): string {
  const fifteen = catalogue.filter(({ contract }) => contract);
  const extras = catalogue.filter(({ contract }) => !contract);
  return `# Metrics

<!-- Built from telemetry/catalogue.ts by tools/metrics-docs.ts; do not edit. -->

\`GET /metrics\` serves these in Prometheus text 0.0.4 or, to a client whose \`Accept\` names it, OpenMetrics 1.0.0. The
series names are the same in both. No label ever holds the name of a secret or a client.

## The contract

These names and meanings do not change. They carry no labels and are present, with value 0, from the first scrape.

${table(fifteen)}

## Further metrics

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

function main(): void {
  if (!argv.includes('--check')) {
    writeFileSync(documentPath, metricsDocument());
  } else if (readFileSync(documentPath, 'utf8') !== metricsDocument()) {
    stderr.write('docs/metrics.md is stale; run `node tools/metrics-docs.ts`.\n');
    exit(1);
  }
}

if (import.meta.main) main();
