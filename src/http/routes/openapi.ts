import { Type } from '../../json-schema.ts';
import type { Api } from '../api.ts';
import * as schemas from '../schemas.ts';

/** `/openapi.json`: the description of the API, generated from the route schemas. */
export function openapiRoutes(api: Api): void {
  api.get(
    '/openapi.json',
    {
      exposeHeadRoute: true,
      schema: {
        summary: 'This description',
        querystring: schemas.noQuery,
        security: [],
        hide: false,
        response: { 200: Type.Unknown(), ...schemas.errorAnswers },
      },
    },
    async () => api.swagger(),
  );
}
