import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.ts';
import { headerLines } from './header-lines.ts';

/** Loopback as a Host header spells it. */
const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Refuses what a browser may have been tricked into sending: a Host that is not ours (DNS rebinding) and a request
 * that another site started (Fetch Metadata, Origin).
 */
export class OriginGuard {
  readonly #hosts: ReadonlySet<string>;

  /** @param expected names or addresses, with or without port, besides the loopback names */
  constructor(expected: readonly string[]) {
    this.#hosts = new Set([...loopbackNames, ...expected].map(hostname));
  }

  /** @throws ServiceError misdirected_request, bad_request or not_authorized */
  check(request: FastifyRequest): void {
    const { headers } = request;
    const hosts = headerLines(request.raw, 'host');
    if (hosts.length > 1) throw new ServiceError('bad_request', 'Host was sent more than once.');
    if (!this.#hosts.has(hostname(targetHost(request.raw.url) ?? hosts[0] ?? ''))) {
      throw new ServiceError(
        'misdirected_request',
        'This server does not answer for the host that the Host header names; server.allowed_hosts lists more.',
      );
    }
    const site = headers['sec-fetch-site'];
    const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
    const { origin } = headers;
    if (foreignSite || (origin !== undefined && !this.#isOwn(origin))) {
      throw new ServiceError('not_authorized', 'Requests that another web site starts are refused.');
    }
  }

  #isOwn(origin: string): boolean {
    return URL.canParse(origin) && this.#hosts.has(hostname(new URL(origin).host));
  }
}

/** The host of a target in absolute form, which stands above the Host header (RFC 9112 §3.2.2). */
function targetHost(target = ''): string | undefined {
  return target.startsWith('/') ? undefined : URL.parse(target)?.host;
}

/** `Name:8081` → `name`; `[::1]:8081` → `[::1]`. A dot at the end only says that the name is whole (RFC 1034 §3.1). */
function hostname(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
}
