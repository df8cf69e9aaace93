import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route asks If-Match and If-None-Match; without it they are refused. */
    readonly honoursConditions?: boolean;
  }
}

/**
 * Headers that ask for something this service does not do. To answer as if they were not there would mislead: the sender
 * relies on a wrapped answer, another method or a checked digest.
 */
const unsupported: Readonly<Record<string, string>> = {
  'content-digest': 'a check of the digest',
  'content-md5': 'a check of the digest',
  'content-range': 'a change of a part of the value',
  digest: 'a check of the digest',
  'idempotency-key': 'a request that can be repeated without effect',
  'repr-digest': 'a check of the digest',
  'x-http-method': 'another method than that of the request',
  'x-http-method-override': 'another method than that of the request',
  'x-method-override': 'another method than that of the request',
  'x-vault-mfa': 'a second factor',
  'x-vault-namespace': 'a namespace',
  'x-vault-policy-override': 'an exception from the policy',
  'x-vault-wrap-format': 'a wrapped answer',
  'x-vault-wrap-ttl': 'a wrapped answer',
};

/** Every header above, for the test that holds docs/API.md to them. */
export const unsupportedHeaders: readonly string[] = Object.keys(unsupported);

/** Whether a scrape with this header, in lower case, would be answered as if it were not there. */
export function isRefusedOnScrapes(name: string): boolean {
  return Object.hasOwn(unsupported, name) || (isCondition(name) && name !== 'if-range');
}

function isCondition(name: string): boolean {
  return name === 'if' || name.startsWith('if-');
}

/** What each condition of RFC 9110 §13.1 needs; one that is not here is not asked anywhere. */
const conditions: Readonly<Record<string, (request: FastifyRequest) => boolean>> = {
  'if-match': honoursConditions,
  'if-none-match': honoursConditions,
  // The condition on the entity tag is asked instead (RFC 9110 §13.2.2).
  'if-modified-since': request => isGet(request) && isHonoured(request, 'if-none-match'),
  'if-unmodified-since': request => isHonoured(request, 'if-match'),
  // It is about a range only, and the whole is always a right answer (RFC 9110 §13.1.5, §14.2).
  'if-range': isGet,
};

/**
 * Refuses what cannot be honoured: a condition that is not asked here, and an option that is not there.
 * @throws ServiceError not_supported
 */
export function refuseUnsupported(request: FastifyRequest): void {
  const { headers } = request;
  for (const name in headers) {
    if (isCondition(name)) refuseCondition(request, name);
    else if (Object.hasOwn(unsupported, name) && headers[name] !== '') {
      throw new ServiceError(
        'not_supported',
        `${display(name)} asks for ${unsupported[name]}, which this service does not offer; send the request without it.`,
      );
    }
  }
}

function refuseCondition(request: FastifyRequest, name: string): void {
  if (conditions[name]?.(request) === true) return;
  const isDate = name.endsWith('modified-since');
  const reason = isDate
    ? 'asks for a date of modification, which nothing here has; use If-Match or If-None-Match with the ETag of a secret'
    : 'is a condition that this path cannot honour; send the request without it';
  throw new ServiceError('not_supported', `${display(name)} ${reason}.`);
}

function honoursConditions({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.honoursConditions === true;
}

function isHonoured(request: FastifyRequest, name: string): boolean {
  return request.headers[name] !== undefined && honoursConditions(request);
}

function isGet({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** `if-unmodified-since` as people write it: `If-Unmodified-Since`. */
function display(name: string): string {
  const shown = name.slice(0, 64).replaceAll(/(^|-)[a-z]/g, letter => letter.toUpperCase());
  return shown.replace('Http', 'HTTP').replace('Md5', 'MD5').replace('Ttl', 'TTL').replace('Mfa', 'MFA');
}
