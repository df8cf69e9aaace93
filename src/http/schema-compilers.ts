import { Ajv } from 'ajv';
import fastJsonStringify from 'fast-json-stringify';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { validatorOf } from '../validator.ts';

// `verbose`, so that a problem knows its schema and with it the description; strict mode finds a misspelt keyword without the
// meta-schema.
const forRequests = new Ajv({ verbose: true, validateSchema: false });

/**
 * Has each schema of a route compiled by the first request that needs it: compiling all of them is a tenth of a start, and no
 * run of the service uses them all.
 */
export function compileSchemasWhenNeeded(app: FastifyInstance): void {
  app.setValidatorCompiler<object>(({ schema }) => {
    const validate = validatorOf(schema, forRequests);
    return (value: unknown) => {
      const faults = validate(value);
      return faults.length === 0 || { error: [...faults] };
    };
  });
  app.setSerializerCompiler<FastifySchema>(({ schema }) => {
    let serialize: ((value: unknown) => string) | undefined;
    return (value: unknown) => {
      serialize ??= fastJsonStringify(schema);
      return serialize(value);
    };
  });
}
