import { Type } from '../../json-schema.ts';
import type { Vault } from '../../vault/vault.ts';
import type { Api } from '../api.ts';
import { changeConditions } from '../conditions.ts';
import * as schemas from '../schemas.ts';

const body = Type.Object({ name: schemas.secretName }, schemas.strict);

/** `/undelete`: bring a deleted secret back, with the version that was active. */
export function undeleteRoutes(api: Api, vault: Vault): void {
  api.post(
    '/undelete',
    {
      config: { honoursConditions: true },
      schema: {
        summary: 'Bring a deleted secret back',
        querystring: schemas.noQuery,
        body,
        response: { 200: body, ...schemas.errorAnswers },
      },
    },
    async request => {
      await vault.undelete(request.caller, request.body.name, changeConditions(request.headers));
      return { name: request.body.name };
    },
  );
}
