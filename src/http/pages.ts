import { ServiceError } from '../errors.ts';
import { Type } from '../json-schema.ts';

/** What lists that come in pages share. */
const defaultLimit = 100;
const maxLimit = 1000;

export const pageQuery = {
  limit: Type.Optional(
    Type.String({
      pattern: '^[1-9][0-9]{0,3}$',
      description: `1 to ${maxLimit}; default ${defaultLimit}.`,
    }),
  ),
  cursor: Type.Optional(
    Type.String({ maxLength: 512, description: 'next_cursor of the page before this one.' }),
  ),
};

export const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'Null on the last page. A page may be short, even empty, and not be the last.',
});

/** @throws ServiceError bad_request */
export function readLimit(text: string | undefined): number {
  const limit = Number(text ?? defaultLimit);
  if (limit <= maxLimit) return limit;
  throw new ServiceError('bad_request', `querystring/limit must be at most ${maxLimit}.`);
}
