import { Type } from '../../json-schema.ts';
import { parseRotation } from '../../rotation/rule.ts';
import type { Vault } from '../../vault/vault.ts';
import { versionAnswer as answer } from '../answers.ts';
import type { Api } from '../api.ts';
import { changeConditions, readConditions } from '../conditions.ts';
import { entityTag } from '../entity-tags.ts';
import { unitsForValue } from '../prices.ts';
import type { Charges } from '../request-limits.ts';
import * as schemas from '../schemas.ts';

const nameInPath = Type.Object({ '*': schemas.secretName }, schemas.strict);
const versionNumber = Type.String({
  pattern: '^[1-9][0-9]{0,14}$',
  description: 'A version is a whole number from 1.',
});
const input = {
  value: schemas.secretValue,
  metadata: Type.Optional(schemas.metadata),
  rotation: Type.Optional(schemas.rotation),
};

interface Retrievals {
  secretRetrieved(): void;
}

/** `/secret`: create, read, change and delete one secret. */
export function secretRoutes(
  api: Api,
  vault: Vault,
  metrics: Retrievals,
  charges: Charges,
  defaultGrace: number,
): void {
  api.post(
    '/secret',
    {
      config: { honoursConditions: true },
      schema: {
        summary: 'Create a secret',
        querystring: schemas.noQuery,
        body: Type.Object({ name: schemas.secretName, ...input }, schemas.strict),
        response: { 201: schemas.versionAnswer, ...schemas.errorAnswers },
      },
    },
    async (request, reply) => {
      const { name, value, metadata, rotation } = request.body;
      charges.spend(request, unitsForValue(value));
      const secret = { value, metadata, rotation: parseRotation(rotation, defaultGrace) };
      const created = await vault.create(request.caller, name, secret, changeConditions(request.headers));
      reply.code(201).header('etag', entityTag(created.version));
      return answer(created);
    },
  );

  api.get(
    '/secret/*',
    {
      config: { honoursConditions: true },
      schema: {
        summary: 'Read the active version of a secret, or the one that `version` names',
        params: nameInPath,
        querystring: Type.Object({ version: Type.Optional(versionNumber) }, schemas.strict),
        response: {
          200: Type.Object(
            {
              name: Type.String(),
              value: Type.String(),
              version: Type.Integer(),
              kid: Type.String(),
              created_at: schemas.timestamp,
              expires_at: schemas.timestamp,
              metadata: schemas.metadata,
            },
            schemas.strict,
          ),
          304: Type.Null({ description: 'The caller has this version: If-None-Match named it.' }),
          ...schemas.errorAnswers,
        },
      },
    },
    async (request, reply) => {
      const { version } = request.query;
      const { has, precondition } = readConditions(request.headers);
      const secret = await vault.read(
        request.caller,
        request.params['*'],
        version === undefined ? null : Number(version),
        has,
        precondition,
      );
      reply.header('etag', entityTag(secret.version));
      if (secret.value === null) return reply.code(304).send(null);
      metrics.secretRetrieved();
      charges.owe(request, unitsForValue(secret.value));
      return { ...answer(secret), value: secret.value, metadata: secret.metadata };
    },
  );

  api.put(
    '/secret/*',
    {
      config: { honoursConditions: true },
      schema: {
        summary: 'Add a version to a secret, or create it',
        params: nameInPath,
        querystring: schemas.noQuery,
        body: Type.Object({ ...input, activate: Type.Optional(Type.Boolean()) }, schemas.strict),
        response: { 200: schemas.versionAnswer, 201: schemas.versionAnswer, ...schemas.errorAnswers },
      },
    },
    async (request, reply) => {
      const { value, metadata, rotation, activate = true } = request.body;
      charges.spend(request, unitsForValue(value));
      const secret = { value, metadata, rotation: parseRotation(rotation, defaultGrace), activate };
      const precondition = changeConditions(request.headers);
      const added = await vault.put(request.caller, request.params['*'], secret, precondition);
      reply.code(added.isNew ? 201 : 200);
      if (activate) reply.header('etag', entityTag(added.version));
      return answer(added);
    },
  );

  api.delete(
    '/secret/*',
    {
      config: { honoursConditions: true },
      schema: {
        summary: 'Delete a secret, recoverably; with `purge=true` destroy every version',
        params: nameInPath,
        querystring: Type.Object({ purge: Type.Optional(Type.Enum(['true', 'false'])) }, schemas.strict),
        response: {
          202: Type.Null({
            description:
              'Purged; another reader of the vault still holds older pages, and the values leave the files later.',
          }),
          204: Type.Null({ description: 'Done. After a purge no file of the vault holds the values.' }),
          ...schemas.errorAnswers,
        },
      },
    },
    async (request, reply) => {
      const name = request.params['*'];
      const precondition = changeConditions(request.headers);
      let isDone = true;
      if (request.query.purge === 'true') isDone = await vault.purge(request.caller, name, precondition);
      else await vault.delete(request.caller, name, precondition);
      return reply.code(isDone ? 204 : 202).send(null);
    },
  );
}
