import { Type } from '../json-schema.ts';

/** What lists that come in pages share. */
const defaultLimit = 100;
const maxLimit = 1000;

export const pageQuery = {
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `A limit is 1 to ${maxLimit}, ${defaultLimit} unless given.`,
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 512,
      pattern: '^[A-Za-z0-9-]+\\.[A-Za-z0-9_-]+$',
      description: 'A cursor is the next_cursor of the page before this one.',
    }),
  ),
};

export const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'Null on the last page. A page may be short, even empty, and not be the last.',
});

export function readLimit(text: string | undefined): number {
  return Number(text ?? defaultLimit);
}
