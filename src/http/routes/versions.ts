import { Type } from '../../json-schema.ts';
import type { Vault, VersionState } from '../../vault/vault.ts';
import { versionAnswer as answer, rfc3339 } from '../answers.ts';
import type { Api } from '../api.ts';
import * as schemas from '../schemas.ts';

const time = Type.Union([schemas.timestamp, Type.Null()]);

/** `/versions`: the history of a secret, without values. */
export function versionsRoutes(api: Api, vault: Vault): void {
  api.get(
    '/versions/*',
    {
      schema: {
        summary: 'List the versions of a secret, without values',
        params: Type.Object({ '*': schemas.secretName }, schemas.strict),
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
            },
            schemas.strict,
          ),
          ...schemas.errorAnswers,
        },
      },
    },
    async request => ({
      versions: (await vault.versions(request.caller, request.params['*'])).map(stateAnswer),
    }),
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
