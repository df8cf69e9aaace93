import { ServiceError } from '../../errors.ts';
import { Type } from '../../json-schema.ts';
import type { Vault } from '../../vault/vault.ts';
import { versionAnswer as answer } from '../answers.ts';
import type { Api } from '../api.ts';
import * as schemas from '../schemas.ts';

const defaultLimit = 100;
const maxLimit = 1000;

/** `/secrets`: what the caller may list, page by page. */
export function secretsRoutes(api: Api, vault: Vault): void {
  api.get(
    '/secrets',
    {
      schema: {
        summary: 'List live secrets by name, without values',
        querystring: Type.Object(
          {
            prefix: Type.Optional(Type.String({ maxLength: 256, pattern: '^[A-Za-z0-9_.\\-/]*$' })),
            limit: Type.Optional(
              Type.String({
                pattern: '^[1-9][0-9]{0,3}$',
                description: `1 to ${maxLimit}; default ${defaultLimit}.`,
              }),
            ),
            cursor: Type.Optional(
              Type.String({ maxLength: 512, description: 'next_cursor of the page before this one.' }),
            ),
          },
          schemas.strict,
        ),
        response: {
          200: Type.Object(
            {
              secrets: Type.Array(
                Type.Object({ ...schemas.versionFacts, is_expired: Type.Boolean() }, schemas.strict),
              ),
              next_cursor: Type.Union([Type.String(), Type.Null()], {
                description: 'Null on the last page. A page may be short, even empty, and not be the last.',
              }),
            },
            schemas.strict,
          ),
          ...schemas.errorAnswers,
        },
      },
    },
    async request => {
      const { prefix = '', cursor } = request.query;
      const limit = Number(request.query.limit ?? defaultLimit);
      if (limit > maxLimit)
        throw new ServiceError('bad_request', `querystring/limit must be at most ${maxLimit}.`);
      const page = await vault.list(request.caller, prefix, limit, cursor ?? null);
      return {
        secrets: page.secrets.map(secret => ({ ...answer(secret), is_expired: secret.isExpired })),
        next_cursor: page.nextCursor,
      };
    },
  );
}
