import { Type } from '../../json-schema.ts';
import type { Vault } from '../../vault/vault.ts';
import { versionAnswer as answer } from '../answers.ts';
import type { Api } from '../api.ts';
import { nextCursor, pageQuery, readLimit } from '../pages.ts';
import { unitsForRows } from '../prices.ts';
import type { Charges } from '../request-limits.ts';
import * as schemas from '../schemas.ts';
import type { UnreadAnswers } from '../unread-answers.ts';

/** `/secrets`: what the caller may list, page by page. */
export function secretsRoutes(api: Api, vault: Vault, charges: Charges, unread: UnreadAnswers): void {
  api.get(
    '/secrets',
    {
      schema: {
        summary: 'List live secrets by name, without values',
        querystring: Type.Object(
          {
            prefix: Type.Optional(
              Type.String({
                maxLength: 256,
                pattern: '^[A-Za-z0-9_.\\-/]*$',
                description: 'A prefix is up to 256 characters of A-Z a-z 0-9 _ . - /.',
              }),
            ),
            ...pageQuery,
          },
          schemas.strict,
        ),
        response: {
          200: Type.Object(
            {
              secrets: Type.Array(
                Type.Object({ ...schemas.versionFacts, is_expired: Type.Boolean() }, schemas.strict),
              ),
              damaged: Type.Optional(
                Type.Array(Type.String(), {
                  description:
                    'Names of the page whose stored rows cannot be read or were altered; left out where there are none.',
                }),
              ),
              next_cursor: nextCursor,
            },
            schemas.strict,
          ),
          ...schemas.errorAnswers,
        },
      },
    },
    async (request, reply) => {
      const { prefix = '', limit, cursor } = request.query;
      const paid = unitsForRows(readLimit(limit));
      charges.spend(request, paid);
      unread.reserveRows(reply, readLimit(limit));
      const page = await vault.list(request.caller, prefix, readLimit(limit), cursor ?? null);
      charges.owe(request, unitsForRows(page.rowsRead) - paid);
      return {
        secrets: page.secrets.map(secret => ({ ...answer(secret), is_expired: secret.isExpired })),
        ...(page.damaged.length > 0 && { damaged: [...page.damaged] }),
        next_cursor: page.nextCursor,
      };
    },
  );
}
