import { createSecretKey, randomBytes } from 'node:crypto';
import { chainStart, encodeRecord } from '../src/audit/chain.ts';
import { auditEntry } from '../src/audit/record.ts';
import { parsePolicy } from '../src/policy/policy.ts';
import { open, seal } from '../src/vault/envelope.ts';
import { type Metrics, noMetrics } from '../telemetry/instruments.ts';
import { ourRecorder, telemetry } from './read-recorder.ts';

export interface MicroCase {
  readonly name: string;
  /** What is timed; its result is kept, so that the work is not optimised away. */
  readonly run: () => unknown;
}

const valueBytes = 32;
const rules = 100;

/** The parts of a request, each alone. */
export async function microCases(): Promise<MicroCase[]> {
  return [...policyCases(), ...envelopeCases(), ...auditCases(), ...(await metricCases())];
}

function policyCases(): MicroCase[] {
  const lines = Array.from({ length: rules }, (_, index) => {
    if (index % 4 === 0) return `read app-${index}/secret-${index}`;
    return index % 4 === 1 ? `app-${index}/*` : `read team-*/app-${index}/*`;
  });
  const list = lines.map(line => `      - "${line}"\n`).join('');
  const policy = parsePolicy(`clients:\n  web:\n    allow:\n${list}    deny:\n      - "*/signing/*"\n`);
  return [
    {
      name: `policy of ${rules} rules, allowed by the last`,
      run: () => policy.allows('web', 'read', `team-7/app-${rules - 1}/database`),
    },
    {
      name: `policy of ${rules} rules, no rule`,
      run: () => policy.allows('web', 'read', 'nobody/knows/this'),
    },
  ];
}

function envelopeCases(): MicroCase[] {
  const key = createSecretKey(randomBytes(32));
  const context = { vaultId: crypto.randomUUID(), name: 'app/web/database', version: 1, kid: 'k1-00000000' };
  const value = 'v'.repeat(valueBytes);
  const sealed = seal(key, context, value);
  return [
    { name: `envelope, seal ${valueBytes} bytes`, run: () => seal(key, context, value) },
    { name: `envelope, open ${valueBytes} bytes`, run: () => open(key, context, sealed) },
  ];
}

function auditCases(): MicroCase[] {
  const entry = auditEntry({
    event: 'read',
    client: 'web',
    identity_method: 'header',
    remote_addr: '127.0.0.1',
    action: 'read',
    resource: 'app/web/database',
    version: 1,
    decision: 'allow',
    outcome: 'ok',
    request_id: crypto.randomUUID(),
  });
  const time = new Date(0).toISOString();
  let tip = chainStart;
  return [
    {
      name: 'audit chain, one record: line and hash',
      run: () => {
        tip = encodeRecord(tip, time, entry).position;
        return tip;
      },
    },
  ];
}

async function metricCases(): Promise<MicroCase[]> {
  const { metrics, exposition } = await telemetry();
  return [
    { name: 'metric verbs, one counter', run: () => metrics.secretRetrieved() },
    { name: 'metric verbs, one histogram', run: () => metrics.requestObserved(0.0012) },
    { name: 'metric verbs, all those of a read', run: readOf(metrics) },
    { name: 'metric verbs, the same with metrics off', run: readOf(noMetrics()) },
    { name: '`/metrics`, collected and rendered', run: () => exposition.render({}) },
  ];
}

/** The verbs of one read. */
function readOf(metrics: Metrics): () => void {
  const { received, read, succeeded } = ourRecorder(metrics);
  return () => {
    received();
    read();
    succeeded(0.0012);
    metrics.routeServed('GET', '/secret/*', 200, 0.0012);
  };
}
