import type { FastifyError } from 'fastify';

type Problem = NonNullable<FastifyError['validation']>[number];

/** What may be quoted as the name of a field: anything else may be a secret in the wrong place. */
const fieldName = /^[A-Za-z_]{1,32}$/;

const types: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'true or false',
  integer: 'a whole number',
  null: 'null',
  number: 'a number',
  object: 'an object',
  string: 'a string',
};

/** What a value must be, by the keyword of the schema that it does not fit. */
const phrases: Readonly<Record<string, (limit: unknown) => string>> = {
  type: type => `must be ${types[String(type)] ?? type}`,
  minimum: limit => `must be at least ${limit}`,
  maximum: limit => `must be at most ${limit}`,
  minLength: limit => `must have at least ${limit} characters`,
  maxLength: limit => `must have at most ${limit} characters`,
  minItems: limit => `must have at least ${limit} entries`,
  maxItems: limit => `must have at most ${limit} entries`,
  uniqueItems: () => 'must not list anything twice',
};

/** Says what is wrong with a request that does not fit its schema. Nothing that was sent is quoted but names of fields. */
export function validationMessage({ validation = [], validationContext }: FastifyError): string {
  const problem = causeOf(validation);
  const place = placeOf(validationContext, problem?.instancePath ?? '');
  if (problem === undefined) return `${place} is not valid.`;
  const unknown = problem.params['additionalProperty'];
  if (typeof unknown === 'string') {
    const kind = validationContext === 'querystring' ? 'parameter' : 'field';
    return `${place} has an unknown ${kind}${fieldName.test(unknown) ? ` "${unknown}"` : ''}.`;
  }
  const missing = problem.params['missingProperty'];
  if (typeof missing === 'string') return `${place} must have the field "${missing}".`;
  const choices = choicesOf(problem, validation);
  if (choices !== null) return `${place} must be one of ${choices.join(', ')}.`;
  const { limit, type } = problem.params;
  const phrase = phrases[problem.keyword]?.(limit ?? type) ?? 'is not valid';
  const description = problem.keyword === 'type' ? undefined : descriptionOf(problem);
  return [`${place} ${phrase}.`, ...(description === undefined ? [] : [description])].join(' ');
}

/**
 * The problem to tell of. Where a field takes one of several shapes, each shape has its own: those of a shape that was
 * not meant (another type, or another value of the property that tells shapes apart) are left out.
 */
function causeOf(problems: readonly Problem[]): Problem | undefined {
  const own = problems.filter(isOfMeantShape);
  const [deepest] = own.toSorted((a, b) => depthOf(b) - depthOf(a));
  if (deepest !== undefined) return deepest;
  // No shape fits: a word that none of them has, or else what the field takes in all.
  const isTold = (problem: Problem) =>
    problem.keyword === 'const' || (problem.keyword === 'anyOf' && descriptionOf(problem) !== undefined);
  return problems.find(isTold) ?? problems[0];
}

function isOfMeantShape(problem: Problem, _index: number, all: readonly Problem[]): boolean {
  if (all.length === 1) return true;
  if (['anyOf', 'const', 'type'].includes(problem.keyword)) return false;
  return problem.keyword !== 'enum' || typeof dataOf(problem) === 'string';
}

function choicesOf(problem: Problem, problems: readonly Problem[]): readonly unknown[] | null {
  const { allowedValues } = problem.params;
  if (Array.isArray(allowedValues)) return allowedValues;
  if (problem.keyword !== 'const') return null;
  return problems
    .filter(({ keyword, instancePath }) => keyword === 'const' && instancePath === problem.instancePath)
    .map(({ params }) => params['allowedValue']);
}

function depthOf({ instancePath }: Problem): number {
  return instancePath.split('/').length;
}

/** `/rotation/every` in the body is `rotation.every`. */
function placeOf(context: string | undefined, path: string): string {
  const field = path.split('/').slice(1).map(shownStep).join('.');
  if (context === 'querystring') return field === '' ? 'The query' : `The parameter ${field}`;
  // The route's wildcard stands for the name of a secret.
  if (context === 'params') return field === '*' ? 'The name in the path' : `The ${field} in the path`;
  return field === '' ? 'The body' : field;
}

/** A key of metadata is what a client made of it, and may be anything. */
function shownStep(step: string): string {
  return fieldName.test(step) || /^(\d{1,4}|\*)$/.test(step) ? step : '(another key)';
}

/** What the schema says of the field; ajv is `verbose`, so that problems know their schema and the value. */
function descriptionOf(problem: Problem): string | undefined {
  const schema: unknown = 'parentSchema' in problem ? problem.parentSchema : null;
  if (typeof schema !== 'object' || schema === null || !('description' in schema)) return undefined;
  return typeof schema.description === 'string' ? schema.description : undefined;
}

function dataOf(problem: Problem): unknown {
  return 'data' in problem ? problem.data : undefined;
}
