import { ServiceError } from '../../errors.ts';
import { Type } from '../../json-schema.ts';
import { parseStrongGenerator } from '../../rotation/generator-spec.ts';
import type { Vault } from '../../vault/vault.ts';
import { abandonmentOf } from '../abandonment.ts';
import type { Api } from '../api.ts';
import { changeConditions, hasConditions } from '../conditions.ts';
import { unitsForGenerator, unitsForNames } from '../prices.ts';
import type { Charges } from '../request-limits.ts';
import * as schemas from '../schemas.ts';

const maxNames = 100;

/** `/rotate`: give secrets a generated version, all of them or none. */
export function rotateRoutes(api: Api, vault: Vault, charges: Charges): void {
  api.post(
    '/rotate',
    {
      config: { honoursConditions: true },
      schema: {
        querystring: schemas.noQuery,
        summary: 'Give each named secret a generated version; all or nothing',
        body: Type.Object(
          {
            names: Type.Array(schemas.secretName, { minItems: 1, maxItems: maxNames, uniqueItems: true }),
            generator: Type.Optional(schemas.generator),
          },
          schemas.strict,
        ),
        response: {
          200: Type.Object(
            {
              rotated_count: Type.Integer(),
              rotated: Type.Array(
                Type.Object({ name: Type.String(), version: Type.Integer() }, schemas.strict),
              ),
            },
            schemas.strict,
          ),
          ...schemas.errorAnswers,
        },
      },
    },
    async (request, reply) => {
      const { names, generator } = request.body;
      const wanted = generator === undefined ? null : parseStrongGenerator(generator);
      if (names.length > 1 && hasConditions(request.headers)) throw aboutOneSecret();
      const precondition = changeConditions(request.headers);
      charges.spend(request, unitsForNames(names) + names.length * unitsForGenerator(wanted));
      const signal = abandonmentOf(reply);
      const rotated = await vault.rotate(request.caller, names, wanted, signal, precondition);
      if (wanted === null) {
        charges.owe(
          request,
          rotated.reduce((units, { generator: own }) => units + unitsForGenerator(own), 0),
        );
      }
      return {
        rotated_count: rotated.length,
        rotated: rotated.map(({ name, version }) => ({ name, version })),
      };
    },
  );
}

/** An entity tag is the version of one secret. */
function aboutOneSecret(): ServiceError {
  return new ServiceError(
    'not_supported',
    'If-Match and If-None-Match are about one secret, and the request names several; rotate them one by one.',
  );
}
