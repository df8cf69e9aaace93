import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

/** The faults of a value, none where it fits; absent members that have a default are filled in, in place. */
export type Validator = (value: unknown) => readonly ErrorObject[];

// For one look at one value: the meta-schema and faster code take longer to make than they save. Strict mode finds a misspelt
// keyword without either.
const forOneLook = new Ajv({
  allErrors: true,
  useDefaults: true,
  validateSchema: false,
  code: { optimize: false },
});

/**
 * A validator for a JSON Schema, compiled at its first use: no run of the service, and least of a command, needs them all.
 * @param ajv how it validates; by default every fault is found and defaults are filled in
 */
export function validatorOf(schema: object, ajv: Ajv = forOneLook): Validator {
  let validate: ValidateFunction | undefined;
  return value => {
    validate ??= ajv.compile(schema);
    return validate(value) ? [] : (validate.errors ?? []);
  };
}
