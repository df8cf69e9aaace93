import { ServiceError } from '../errors.ts';

/** The entity tag of a version (RFC 9110 §8.8.3): the active version number, quoted. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/** If-None-Match (RFC 9110 §13.1.2): whether the caller has the version already. Weak comparison. */
export function ifNoneMatch(header: string | undefined): (version: number) => boolean {
  if (header === undefined) return () => false;
  const tags = tagsOf(header).map(tag => tag.replace(/^W\//, ''));
  return version => tags.includes('*') || tags.includes(entityTag(version));
}

/**
 * If-Match (RFC 9110 §13.1.1): whether the active version, or null where there is no such secret, is an expected one.
 * @throws ServiceError bad_request on anything but `*` or quoted numbers
 */
export function ifMatch(header: string | undefined): (version: number | null) => boolean {
  if (header === undefined) return () => true;
  const tags = tagsOf(header);
  if (tags.length === 0 || !tags.every(tag => tag === '*' || /^"\d{1,15}"$/.test(tag))) {
    throw new ServiceError('bad_request', 'If-Match holds a version in double quotes, such as "3", or *.');
  }
  return version => version !== null && (tags.includes('*') || tags.includes(entityTag(version)));
}

function tagsOf(header: string): string[] {
  return header.split(',').flatMap(tag => tag.trim() || []);
}
