import type { Exposition } from '../../../telemetry/exposition.ts';
import { Type } from '../../json-schema.ts';
import type { Api } from '../api.ts';

const text = { schema: Type.Unsafe<string | Buffer>({ type: 'string' }) };

/** `/metrics`: without identity, for scrapers. The exposition negotiates format and encoding. */
export function metricsRoutes(api: Api, exposition: Exposition): void {
  api.get(
    '/metrics',
    {
      exposeHeadRoute: true,
      schema: {
        summary: 'Metrics in the Prometheus text format or OpenMetrics',
        security: [],
        response: {
          200: {
            description: 'A whole scrape.',
            content: { 'text/plain': text, 'application/openmetrics-text': text },
          },
          500: { description: 'The metrics could not be collected.', content: { 'text/plain': text } },
          503: { description: 'OpenTelemetry is disabled.', content: { 'text/plain': text } },
        },
      },
    },
    async (request, reply) => {
      const { status, headers, body } = await exposition.render({
        accept: request.headers.accept,
        acceptEncoding: request.headers['accept-encoding'],
      });
      return reply.code(status).headers(headers).send(body);
    },
  );
}
