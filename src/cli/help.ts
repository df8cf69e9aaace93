import { exitCodeTable } from '../exit-codes.ts';

const environment = `Environment:
  JARVIS_SECRETSD_<SECTION>_<KEY>  overrides a key of the configuration: JARVIS_SECRETSD_SERVER_BIND_ADDR sets server.bind_addr
  OTEL_*                           the variables of OpenTelemetry`;

const codes = Object.values(exitCodeTable)
  .map(({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning}`)
  .join('\n');

/** What the help of the program says after its commands. */
export const rootHelp = `
Examples:
  jarvis-secretsd start --config config.toml
  jarvis-secretsd check-config --config /etc/jarvis-secretsd/config.toml
  jarvis-secretsd help audit verify

${environment}

Signals:
  SIGHUP           read the policy and the certificate again
  SIGTERM, SIGINT  stop; a second one ends the service at once

Exit codes:
${codes}

Documents, in the folder of the package: README.md, DEPLOYMENT_GUIDE.md, docs/CONFIGURATION.md, docs/API.md, docs/POLICY.md, docs/RUNBOOK.md
`;

/** What the help of a command says after its options. */
export function details(example: string, document: string): string {
  return `
Example:
  jarvis-secretsd ${example}

${environment}

Document, in the folder of the package: ${document}
`;
}
