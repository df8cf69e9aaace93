import { Type } from '../../json-schema.ts';
import type { Vault, VersionState } from '../../vault/vault.ts';
import { versionAnswer as answer, rfc3339 } from '../answers.ts';
import type { Api } from '../api.ts';
import { nextCursor, pageQuery, readLimit } from '../pages.ts';
import { unitsForRows } from '../prices.ts';
import type { Charges } from '../request-limits.ts';
import * as schemas from '../schemas.ts';
import type { UnreadAnswers } from '../unread-answers.ts';

const time = Type.Union([schemas.timestamp, Type.Null()]);

/** `/versions`: the history of a secret, without values. */
export function versionsRoutes(api: Api, vault: Vault, charges: Charges, unread: UnreadAnswers): void {
  api.get(
    '/versions/*',
    {
      schema: {
        summary: 'List the versions of a secret, oldest first, without values',
        params: Type.Object({ '*': schemas.secretName }, schemas.strict),
        querystring: Type.Object(pageQuery, schemas.strict),
        response: {
          200: Type.Object(
            {
              versions: Type.Array(
                Type.Object(
                  {
                    ...schemas.versionFacts,
                    state: Type.Enum(['active', 'staged', 'superseded', 'destroyed']),
                    generated: Type.Boolean(),
                    deactivated_at: time,
                    destroy_at: time,
                  },
                  schemas.strict,
                ),
              ),
              damaged: Type.Optional(
                Type.Array(Type.Integer(), {
                  description:
                    'Versions of the page whose stored rows cannot be read or were altered; left out where there are none.',
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
      const { limit, cursor } = request.query;
      const paid = unitsForRows(readLimit(limit));
      charges.spend(request, paid);
      unread.reserveRows(reply, readLimit(limit));
      const page = await vault.versions(
        request.caller,
        request.params['*'],
        readLimit(limit),
        cursor ?? null,
      );
      charges.owe(request, unitsForRows(page.versions.length + page.damaged.length) - paid);
      return {
        versions: page.versions.map(stateAnswer),
        ...(page.damaged.length > 0 && { damaged: [...page.damaged] }),
        next_cursor: page.nextCursor,
      };
    },
  );
}

function stateAnswer(version: VersionState) {
  const { state, generated, deactivatedAt, destroyAt } = version;
  return {
    ...answer(version),
    state,
    generated,
    deactivated_at: deactivatedAt === null ? null : rfc3339(deactivatedAt),
    destroy_at: destroyAt === null ? null : rfc3339(destroyAt),
  };
}
