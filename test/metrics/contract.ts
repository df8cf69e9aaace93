import type { RunningService } from '../helpers/service.ts';

/** The fifteen, the histogram by its count. */
export const contract = [
  'http_requests_total',
  'http_requests_success',
  'http_requests_error',
  'secrets_created_total',
  'secrets_retrieved_total',
  'secrets_rotated_total',
  'rbac_allowed_total',
  'rbac_denied_total',
  'encryption_ops_total',
  'decryption_ops_total',
  'decryption_errors_total',
  'audit_events_total',
  'audit_errors_total',
  'secrets_total',
  'http_request_duration_seconds_count',
] as const;

export type ContractName = (typeof contract)[number];
export type Increments = Partial<Record<ContractName, number>>;

const mostScrapes = 100;

/** What one finished answer adds. */
export const answered = { http_requests_total: 1, http_request_duration_seconds_count: 1 } as const;
export const succeeded = { ...answered, http_requests_success: 1 } as const;
export const refused = { ...answered, http_requests_error: 1 } as const;

/** By how much each of the fifteen that moves did so while `work` ran, the scrapes themselves left out. */
export async function incrementsOf(
  service: Pick<RunningService, 'scrape'>,
  work: () => Promise<unknown>,
): Promise<Increments> {
  const before = await service.scrape();
  await work();
  const { samples: after, scrapes } = await settled(service);
  const increments: Increments = {};
  for (const name of contract) {
    // The first scrape shows itself received; its answer, and all but the answer of the last, show later.
    const own = name in succeeded ? scrapes : 0;
    const increment = sampleOf(after, name) - sampleOf(before, name) - own;
    if (increment !== 0) increments[name] = increment;
  }
  return increments;
}

/** Scrapes until nothing but the scrape is under way: the service sees the end of a request after the client does. */
async function settled(
  service: Pick<RunningService, 'scrape'>,
): Promise<{ samples: ReadonlyMap<string, number>; scrapes: number }> {
  for (let scrapes = 1; ; scrapes++) {
    const samples = await service.scrape();
    const underWay =
      sampleOf(samples, 'http_requests_total') - sampleOf(samples, 'http_request_duration_seconds_count');
    if (underWay === 1 || scrapes === mostScrapes) return { samples, scrapes };
  }
}

function sampleOf(samples: ReadonlyMap<string, number>, name: string): number {
  const value = samples.get(name);
  if (value === undefined) throw new Error(`${name} is not in the scrape`);
  return value;
}
