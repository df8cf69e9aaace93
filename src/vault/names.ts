import { ServiceError } from '../errors.ts';

export const maxNameLength = 256;
export const maxValueBytes = 65_536;
export const maxMetadataBytes = 4096;

/** Names are paths: segments of `A–Z a–z 0–9 _ . -`, none empty, `.` or `..`. */
const segment = String.raw`(?:\.*[A-Za-z0-9_-][A-Za-z0-9_.-]*|\.{3,})`;
export const namePattern = `^${segment}(?:/${segment})*$`;
const nameShape = new RegExp(namePattern);

export function isSecretName(name: string): boolean {
  return name.length <= maxNameLength && nameShape.test(name);
}

/** @throws ServiceError bad_request */
export function checkName(name: string): void {
  if (isSecretName(name)) return;
  throw new ServiceError(
    'bad_request',
    `A name is 1 to ${maxNameLength} characters of A-Z a-z 0-9 _ . - /, without empty, "." or ".." segments.`,
  );
}

/** @throws ServiceError too_large or bad_request */
export function checkValue(value: string): void {
  if (Buffer.byteLength(value) > maxValueBytes) {
    throw new ServiceError('too_large', `A value is at most ${maxValueBytes} bytes of UTF-8.`);
  }
  requireWellFormed(value, 'The value');
}

/** @throws ServiceError too_large or bad_request */
export function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  let bytes = 0;
  for (const [key, text] of Object.entries(metadata)) {
    requireWellFormed(key, 'A key of metadata');
    requireWellFormed(text, 'A value of metadata');
    bytes += Buffer.byteLength(key) + Buffer.byteLength(text);
  }
  if (bytes > maxMetadataBytes) {
    throw new ServiceError(
      'too_large',
      `Metadata is at most ${maxMetadataBytes} bytes, keys and values together.`,
    );
  }
}

/**
 * A lone surrogate has no UTF-8 form: it would be stored as something else.
 * @throws ServiceError bad_request
 */
export function requireWellFormed(text: string, what: string): void {
  if (text.isWellFormed()) return;
  throw new ServiceError('bad_request', `${what} is not well-formed Unicode (it has a lone surrogate).`);
}
