import type { RunningService } from '../helpers/service.ts';
import type { ContractName } from '../metrics/contract.ts';

/** What one round adds to the fifteen, but for audit records; errors of the service itself cannot be asked for. */
export const oneRound: Readonly<Record<Exclude<ContractName, 'audit_events_total'>, number>> = {
  http_requests_total: 10,
  http_requests_success: 8,
  http_requests_error: 2,
  secrets_created_total: 3,
  secrets_retrieved_total: 3,
  secrets_rotated_total: 1,
  rbac_allowed_total: 8,
  rbac_denied_total: 1,
  encryption_ops_total: 4,
  decryption_ops_total: 3,
  decryption_errors_total: 0,
  audit_errors_total: 0,
  secrets_total: 3,
  http_request_duration_seconds_count: 10,
};

/** Three secrets made and read, one rotated, one list, one refusal by the policy, one route that is not there. */
export async function driveRound(service: RunningService, round: string): Promise<void> {
  const names = ['a', 'b', 'c'].map(name => `${round}/${name}`);
  const send = async (...request: Parameters<RunningService['request']>) => {
    await (await service.request(...request)).arrayBuffer();
  };
  for (const name of names) await send('POST', '/secret', { name, value: 'value' });
  for (const name of names) await send('GET', `/secret/${name}`);
  await send('POST', '/rotate', { names: names.slice(0, 1) });
  await send('GET', '/secrets');
  await send('GET', `/secret/${names[0]}`, undefined, { 'x-jarvis-client': 'nobody' });
  await send('GET', '/no-such-route');
}
