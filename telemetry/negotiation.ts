/** Which of the two text formats a scraper is sent. */
export type ExpositionFormat = 'classic' | 'openmetrics';

interface Preference {
  readonly value: string;
  readonly version: string | undefined;
  readonly quality: number;
}

/**
 * The format that an `Accept` header prefers (RFC 9110, 12.5.1). OpenMetrics only for a client that names it and
 * wants it no less than classic text; classic text for everybody else, one that accepts neither included.
 */
export function negotiateFormat(accept: string | undefined): ExpositionFormat {
  const ranges = preferences(accept);
  const openMetrics = quality(ranges, '1.0.0', ['application/openmetrics-text']);
  const classic = quality(ranges, '0.0.4', ['text/plain', 'text/*', '*/*']);
  return openMetrics > 0 && openMetrics >= classic ? 'openmetrics' : 'classic';
}

/** Whether an `Accept-Encoding` header allows gzip (RFC 9110, 12.5.3). */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return quality(preferences(acceptEncoding), undefined, ['gzip', 'x-gzip', '*']) > 0;
}

/** The quality of the first of `values`, most specific first, that the header lists; 0 when it lists none. */
function quality(
  listed: readonly Preference[],
  version: string | undefined,
  values: readonly string[],
): number {
  for (const value of values) {
    const matches = listed.filter(
      range => range.value === value && (range.version === undefined || range.version === version),
    );
    if (matches.length > 0) return Math.max(...matches.map(range => range.quality));
  }
  return 0;
}

function preferences(header: string | undefined): Preference[] {
  return (header ?? '').split(',').map(element => {
    const [value = '', ...parameters] = element.split(';').map(part => part.trim().toLowerCase());
    return { value, version: parameter(parameters, 'version'), quality: weight(parameter(parameters, 'q')) };
  });
}

function parameter(parameters: readonly string[], name: string): string | undefined {
  const prefix = `${name}=`;
  return parameters
    .find(text => text.startsWith(prefix))
    ?.slice(prefix.length)
    .replaceAll('"', '');
}

/** An absent weight is 1; one that is no number counts as a refusal. */
function weight(text: string | undefined): number {
  const value = text === undefined ? 1 : Number(text);
  return value >= 0 && value <= 1 ? value : 0;
}
