import t from 'tap';
import { acceptsGzip, negotiateFormat } from '../../telemetry/negotiation.ts';

const formats: readonly (readonly [accept: string | undefined, format: string])[] = [
  [undefined, 'classic'],
  ['', 'classic'],
  ['*/*', 'classic'],
  ['text/plain', 'classic'],
  ['application/json', 'classic'],
  ['application/openmetrics-text', 'openmetrics'],
  ['Application/OpenMetrics-Text; Version="1.0.0"; charset=utf-8', 'openmetrics'],
  ['application/openmetrics-text;version=0.0.1', 'classic'],
  ['application/openmetrics-text;q=0', 'classic'],
  ['application/openmetrics-text;q=nonsense', 'classic'],
  ['application/openmetrics-text;q=0.5,text/plain;q=0.5', 'openmetrics'],
  ['application/openmetrics-text;q=0.4,text/plain;q=0.5', 'classic'],
  ['application/openmetrics-text;q=0.4,text/plain;q=0.1,*/*;q=0.9', 'openmetrics'],
  ['application/openmetrics-text;q=0.4,text/*;q=0.5', 'classic'],
  // Prometheus 2.5 and later, and Prometheus 3 with its escaping parameters.
  [
    'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  [
    'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4,*/*;q=0.2',
    'classic',
  ],
];

for (const [accept, format] of formats) {
  t.test(`Accept: ${accept}`, async t => t.equal(negotiateFormat(accept), format));
}

const encodings: readonly (readonly [acceptEncoding: string | undefined, gzip: boolean])[] = [
  [undefined, false],
  ['', false],
  ['identity', false],
  ['gzip', true],
  ['deflate, GZIP;q=0.5', true],
  ['x-gzip', true],
  ['*', true],
  ['gzip;q=0', false],
  ['gzip;q=0, *', false],
  ['br', false],
];

for (const [acceptEncoding, gzip] of encodings) {
  t.test(`Accept-Encoding: ${acceptEncoding}`, async t => t.equal(acceptsGzip(acceptEncoding), gzip));
}
