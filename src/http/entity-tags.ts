import { ServiceError } from '../errors.ts';

/** What a condition names: any version there is, or these entity tags. */
export type EntityTags = '*' | readonly string[];

/** The entity tag of a version (RFC 9110 §8.8.3): its number, quoted. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/** One tag of a list and the comma after it; a tag may itself hold commas. */
const element = /[\t ]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")?[\t ]*(?:,|$)/y;

/**
 * Reads If-Match or If-None-Match (RFC 9110 §13.1.1, §13.1.2).
 * @throws ServiceError bad_request on anything but `*` or a list of tags in double quotes
 */
export function parseEntityTags(header: string, text: string): EntityTags {
  if (text.trim() === '*') return '*';
  const tags: string[] = [];
  element.lastIndex = 0;
  while (element.lastIndex < text.length) {
    const found = element.exec(text);
    if (found === null) throw malformed(header);
    if (found[1] !== undefined) tags.push(found[1]);
  }
  if (tags.length === 0) throw malformed(header);
  return tags;
}

/** Strong comparison (RFC 9110 §8.8.3.2): a weak tag equals none. */
export function hasStrongly(tags: readonly string[], version: number): boolean {
  return tags.includes(entityTag(version));
}

/** Weak comparison. */
export function hasWeakly(tags: readonly string[], version: number): boolean {
  return tags.some(tag => tag.replace(/^W\//, '') === entityTag(version));
}

function malformed(header: string): ServiceError {
  return new ServiceError(
    'bad_request',
    `${header} must hold versions in double quotes, such as "3", with commas between them, or * alone.`,
  );
}
