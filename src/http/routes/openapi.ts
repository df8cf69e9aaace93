import type { Api } from '../api.ts';

/** `/openapi.json`: the description of the API, generated from the route schemas. */
export function openapiRoutes(api: Api): void {
  api.get('/openapi.json', { schema: { summary: 'This description', hide: false } }, async () =>
    api.swagger(),
  );
}
