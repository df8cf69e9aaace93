import type { Exposition } from '../../../telemetry/exposition.ts';
import type { Api } from '../api.ts';

/** `/metrics`: without identity, for scrapers. The exposition negotiates format and encoding. */
export function metricsRoutes(api: Api, exposition: Exposition): void {
  api.get(
    '/metrics',
    { schema: { summary: 'Metrics in the Prometheus text format or OpenMetrics', produces: ['text/plain'] } },
    async (request, reply) => {
      const { status, headers, body } = await exposition.render({
        accept: request.headers.accept,
        acceptEncoding: request.headers['accept-encoding'],
      });
      return reply.code(status).headers(headers).send(body);
    },
  );
}
