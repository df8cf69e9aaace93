import { Type } from '../../json-schema.ts';
import type { Vault } from '../../vault/vault.ts';
import { versionAnswer as answer } from '../answers.ts';
import type { Api } from '../api.ts';
import { changeConditions } from '../conditions.ts';
import { entityTag } from '../entity-tags.ts';
import * as schemas from '../schemas.ts';

/** `/activate`: make a staged or an older version the active one. */
export function activateRoutes(api: Api, vault: Vault): void {
  api.post(
    '/activate',
    {
      config: { honoursConditions: true },
      schema: {
        summary: 'Make a staged or an older version the active one',
        querystring: schemas.noQuery,
        body: Type.Object(
          { name: schemas.secretName, version: Type.Integer({ minimum: 1 }) },
          schemas.strict,
        ),
        response: { 200: schemas.versionAnswer, ...schemas.errorAnswers },
      },
    },
    async (request, reply) => {
      const { name, version } = request.body;
      const precondition = changeConditions(request.headers);
      const activated = await vault.activate(request.caller, name, version, precondition);
      reply.header('etag', entityTag(activated.version));
      return answer(activated);
    },
  );
}
