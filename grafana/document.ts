import type { PanelDefinition, Row } from './panel.ts';

/** The whole text of docs/DASHBOARD.md. */
export function dashboardDocument(rows: readonly Row[]): string {
  return `# The dashboard

<!-- Built by grafana/dashboards.ts from the panels described there; do not edit. -->

[grafana-dashboard-secrets.json](grafana-dashboard-secrets.json) is one file for both ways into Grafana, by hand and provisioned;
[DEPLOYMENT_GUIDE.md](../DEPLOYMENT_GUIDE.md#grafana) has the steps. It needs nothing but the metrics of [metrics.md](metrics.md), by
scrape or by OTLP.

Read it from the top. The first three rows fit on one screen and say whether it is well, who is denied and what is due: what is red
there comes first. The rows below say why. The link of each panel opens its section of the runbook, which says what to do.

- **Data source** chooses the Prometheus, **Job** and **Instance** the service. Where its metrics take several ways, each is a job
  or instance of its own: choose one, or all is counted twice.
- **Runbook** is the address at which you keep [RUNBOOK.md](RUNBOOK.md); each panel links into it.
- Orange marks are restarts, blue ones policy loads. Points in a latency panel are traces of single requests, where tracing
  is on and the data source knows the trace store.
- A share of nothing is no number: such panels are empty while nobody asks.

${rows.map(section).join('\n')}`;
}

function section({ title, panels, collapsed }: Row): string {
  const intro = collapsed
    ? 'Folded. One panel for each metric of the catalogue that no panel above shows, named like the metric.\n\n'
    : '';
  const body = collapsed ? table(panels) : panels.map(entry).join('\n');
  return `## ${title}\n\n${intro}${body}`;
}

function table(panels: readonly PanelDefinition[]): string {
  const lines = panels.map(({ title, description }) => `| \`${title}\` | ${description} |`);
  return ['| Panel | Shows |', '|---|---|', ...lines, ''].join('\n');
}

function entry({ title, description, trouble, runbook, queries }: PanelDefinition): string {
  const more = runbook === undefined ? '' : ` More: [${runbook}](RUNBOOK.md#${runbook.toLowerCase()}).`;
  const empty = [...new Set(queries.flatMap(({ emptyUntil }) => emptyUntil ?? []))];
  const note = empty.length === 0 ? '' : ` Empty until ${empty.join(' or ')}.`;
  return `### ${title}

${description}${note}

\`\`\`promql
${queries.map(({ expr }) => expr).join('\n')}
\`\`\`

When it looks wrong: ${trouble}${more}
`;
}
