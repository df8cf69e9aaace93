import { isLocal, parseBindAddress } from './bind-address.ts';
import type { Config } from './schema.ts';

/** A token bucket: so many requests a second, and so many at once after a rest. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** What the service takes on; null is no limit. */
export interface Limits {
  /** For each client, on vault routes. */
  readonly client: Rate | null;
  /** For each address, on vault routes. */
  readonly address: Rate | null;
  /** For each address, of requests whose caller could not be established. */
  readonly failedAuthentication: Rate | null;
  readonly maxConnections: number;
  readonly maxRequests: number;
  /** Of answers that are not sent yet, in all and for each connection, in bytes. */
  readonly answerBytes: number;
  readonly connectionAnswerBytes: number;
}

/** Where only this host can reach the API, rates are off unless set: there, clients share one address and one machine. */
export function limitsOf({ server, limits }: Config): Limits {
  const isPrivate = isLocal(parseBindAddress(server.bind_addr, 'server.bind_addr'));
  const rateOr = (configured: number | undefined, onNetwork: number) =>
    configured ?? (isPrivate ? 0 : onNetwork);
  const failures = rateOr(limits.failed_authentications, 30);
  return {
    client: rate(rateOr(limits.client_rate, 100), limits.client_burst),
    address: rate(rateOr(limits.address_rate, 500), limits.address_burst),
    failedAuthentication: rate(failures / 60, failures),
    maxConnections: limits.max_connections,
    maxRequests: limits.max_requests,
    answerBytes: limits.answer_bytes,
    connectionAnswerBytes: limits.connection_answer_bytes,
  };
}

function rate(perSecond: number, burst: number): Rate | null {
  return perSecond === 0 ? null : { perSecond, burst };
}
