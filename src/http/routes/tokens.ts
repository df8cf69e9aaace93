import { Type } from '../../json-schema.ts';
import { clientNamePattern } from '../../policy/policy.ts';
import { lifetimeSchema, parseLifetime } from '../../rotation/durations.ts';
import { mostSourceNetworks, networkPattern } from '../../vault/source-networks.ts';
import type { TokenFacts, Vault } from '../../vault/vault.ts';
import { rfc3339 } from '../answers.ts';
import type { Api } from '../api.ts';
import { nextCursor, pageQuery, readLimit } from '../pages.ts';
import { unitsForRows } from '../prices.ts';
import type { Charges } from '../request-limits.ts';
import * as schemas from '../schemas.ts';
import type { UnreadAnswers } from '../unread-answers.ts';

const defaultLifetime = '90d';

const time = Type.Union([schemas.timestamp, Type.Null()]);
const sourceNetworks = Type.Array(
  Type.String({
    pattern: networkPattern,
    description: 'Networks are like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32.',
  }),
  {
    maxItems: mostSourceNetworks,
    description: 'Addresses and CIDR networks that the token may be used from; without any, from everywhere.',
  },
);
const tokenId = Type.String({
  pattern: '^t-[0-9a-f]{16}$',
  description: 'The id of a token is like t-0123456789abcdef; GET /tokens lists them.',
});
const tokenFacts = {
  id: Type.String({ description: 'Names the token in lists and in the audit log; opens nothing.' }),
  client: Type.String(),
  description: Type.String(),
  created_at: schemas.timestamp,
  expires_at: schemas.timestamp,
  source_networks: sourceNetworks,
};

/** `/tokens`: make, list and revoke the bearer tokens of clients. */
export function tokenRoutes(api: Api, vault: Vault, charges: Charges, unread: UnreadAnswers): void {
  api.post(
    '/tokens',
    {
      schema: {
        summary: 'Make a bearer token for a client',
        querystring: schemas.noQuery,
        body: Type.Object(
          {
            client: Type.String({
              pattern: clientNamePattern,
              description:
                'A client is one of the policy: 1 to 128 of A-Z a-z 0-9 _ . @ -, a letter or digit first.',
            }),
            expires_in: Type.Optional(lifetimeSchema),
            source_networks: Type.Optional(sourceNetworks),
            description: Type.Optional(Type.String({ maxLength: 256 })),
          },
          schemas.strict,
        ),
        response: {
          201: Type.Object(
            {
              ...tokenFacts,
              token: Type.String({ description: 'Shown this once; only its hash is kept.' }),
            },
            schemas.strict,
          ),
          ...schemas.errorAnswers,
        },
      },
    },
    async (request, reply) => {
      const { client, expires_in, source_networks = [], description = '' } = request.body;
      const issued = await vault.createToken(request.caller, {
        client,
        description,
        lifetime: parseLifetime(expires_in ?? defaultLifetime),
        sourceNetworks: source_networks,
      });
      reply.code(201);
      return { ...factsAnswer(issued), token: issued.token };
    },
  );

  api.get(
    '/tokens',
    {
      schema: {
        summary: 'List the tokens that the caller may administer, oldest first; never the tokens themselves',
        querystring: Type.Object(pageQuery, schemas.strict),
        response: {
          200: Type.Object(
            {
              tokens: Type.Array(
                Type.Object({ ...tokenFacts, last_used_at: time, revoked_at: time }, schemas.strict),
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
      charges.spend(request, unitsForRows(readLimit(limit)));
      unread.reserveRows(reply, readLimit(limit));
      const page = await vault.listTokens(request.caller, readLimit(limit), cursor ?? null);
      return { tokens: page.tokens.map(listedAnswer), next_cursor: page.nextCursor };
    },
  );

  api.delete(
    '/tokens/:id',
    {
      schema: {
        summary: 'Revoke a token: it stops working at once',
        params: Type.Object({ id: tokenId }, schemas.strict),
        querystring: schemas.noQuery,
        response: { 204: Type.Null({ description: 'Done.' }), ...schemas.errorAnswers },
      },
    },
    async (request, reply) => {
      await vault.revokeToken(request.caller, request.params.id);
      return reply.code(204).send(null);
    },
  );
}

function factsAnswer({ id, client, description, createdAt, expiresAt, sourceNetworks }: TokenFacts) {
  return {
    id,
    client,
    description,
    created_at: rfc3339(createdAt),
    expires_at: rfc3339(expiresAt),
    source_networks: [...sourceNetworks],
  };
}

function listedAnswer(token: TokenFacts) {
  const { lastUsedAt, revokedAt } = token;
  return {
    ...factsAnswer(token),
    last_used_at: lastUsedAt === null ? null : rfc3339(lastUsedAt),
    revoked_at: revokedAt === null ? null : rfc3339(revokedAt),
  };
}
