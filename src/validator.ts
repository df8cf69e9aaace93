import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

/** The faults of a value, none where it fits; absent members that have a default are filled in, in place. */
export type Validator = (value: unknown) => readonly ErrorObject[];

// For one look at one value: the meta-schema and faster code take longer to make than they save. Strict mode finds a misspelt
// keyword without either.
const ajv = new Ajv({
  allErrors: true,
  useDefaults: true,
  validateSchema: false,
  code: { optimize: false },
});

/** A validator for a JSON Schema, compiled at its first use: most runs of a command validate little. */
export function validatorOf(schema: object): Validator {
  let validate: ValidateFunction | undefined;
  return value => {
    validate ??= ajv.compile(schema);
    return validate(value) ? [] : (validate.errors ?? []);
  };
}
