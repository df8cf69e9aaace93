import type { IncomingHttpHeaders } from 'node:http';
import type { Precondition } from '../vault/vault.ts';
import { hasStrongly, hasWeakly, parseEntityTags } from './entity-tags.ts';

/** What a read may ask for. */
export interface ReadConditions {
  /** If-Match: false is answered 412. */
  readonly precondition: Precondition;
  /** If-None-Match: whether the caller has the version already, which is answered 304. */
  readonly has: (version: number) => boolean;
}

/**
 * The conditions of a GET, If-Match before If-None-Match (RFC 9110 §13.2.2).
 * @throws ServiceError bad_request
 */
export function readConditions(headers: IncomingHttpHeaders): ReadConditions {
  const tags = tagsOf(headers, 'If-None-Match');
  return {
    precondition: ifMatch(headers),
    has: version => tags !== undefined && (tags === '*' || hasWeakly(tags, version)),
  };
}

/**
 * The conditions of a change: If-Match and If-None-Match, where both are sent (RFC 9110 §13.2.2).
 * @throws ServiceError bad_request
 */
export function changeConditions(headers: IncomingHttpHeaders): Precondition {
  const matches = ifMatch(headers);
  const differs = ifNoneMatch(headers);
  return state => matches(state) && differs(state);
}

/** Whether the request has a condition that a route with entity tags asks. */
export function hasConditions(headers: IncomingHttpHeaders): boolean {
  return headers['if-match'] !== undefined || headers['if-none-match'] !== undefined;
}

function ifMatch(headers: IncomingHttpHeaders): Precondition {
  const tags = tagsOf(headers, 'If-Match');
  if (tags === undefined) return () => true;
  if (tags === '*') return ({ isLive }) => isLive;
  return ({ version }) => version !== null && hasStrongly(tags, version);
}

function ifNoneMatch(headers: IncomingHttpHeaders): Precondition {
  const tags = tagsOf(headers, 'If-None-Match');
  if (tags === undefined) return () => true;
  if (tags === '*') return ({ isLive }) => !isLive;
  return ({ version }) => version === null || !hasWeakly(tags, version);
}

function tagsOf(headers: IncomingHttpHeaders, name: 'If-Match' | 'If-None-Match') {
  const text = headers[name === 'If-Match' ? 'if-match' : 'if-none-match'];
  return text === undefined ? undefined : parseEntityTags(name, text);
}
