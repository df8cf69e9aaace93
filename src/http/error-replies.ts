import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, ServiceError } from '../errors.ts';
import { requestFacts } from './request-span.ts';

/** The body of every error answer. */
export interface ErrorReply {
  readonly error: ErrorCode;
  readonly message: string;
}

/** Fastify's own errors, by their code, as ours; with a message where the default one would not say what is wrong. */
const frameworkErrors: Readonly<Record<string, readonly [code: ErrorCode, message?: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too_large'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['bad_request', 'The body is not as long as Content-Length says.'],
  FST_ERR_BAD_URL: ['bad_request', 'The path has an escape that is not UTF-8 in percent-encoding.'],
  FST_ERR_MAX_PARAM_LENGTH: ['uri_too_long'],
  FST_ERR_HANDLER_TIMEOUT: ['unavailable'],
};

/** What every answer carries; errors below the routes pass no hook that could add it. */
export function commonHeaders(requestId: string): Record<string, string> {
  return { 'x-request-id': requestId, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
}

export interface FailureLog {
  error(facts: object, message: string): void;
}

/** Every error that leaves a route becomes `{error, message}` with a code from the table; failures of ours are logged. */
export class ErrorReplies {
  readonly #log: FailureLog;

  constructor(log: FailureLog) {
    this.#log = log;
  }

  send(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const shown = asServiceError(error);
    if (shown.status >= 500) {
      const facts = { ...requestFacts(request), code: shown.code, reason: reasonOf(error) };
      this.#log.error(facts, 'request failed');
    }
    if (shown.status === 408 || shown.status === 413) reply.header('connection', 'close');
    return reply
      .code(shown.status)
      .headers({ ...commonHeaders(request.id), ...shown.headers })
      .send({ error: shown.code, message: shown.message } satisfies ErrorReply);
  }
}

function asServiceError(error: Error): ServiceError {
  if (error instanceof ServiceError) return error;
  if ('validation' in error && Array.isArray(error.validation)) {
    return new ServiceError('bad_request', validationMessage(error as FastifyError), { cause: error });
  }
  const known = 'code' in error ? frameworkErrors[String(error.code)] : undefined;
  if (known !== undefined) return new ServiceError(...known);
  const status = 'statusCode' in error ? error.statusCode : undefined;
  const isClientsFault = typeof status === 'number' && status >= 400 && status < 500;
  return new ServiceError(isClientsFault ? 'bad_request' : 'internal', undefined, { cause: error });
}

/** What may be quoted as the name of a field: anything else may be a secret in the wrong place. */
const fieldName = /^[A-Za-z_]{1,32}$/;

type Problem = NonNullable<FastifyError['validation']>[number];

/** `body/value must be string`; an unknown field is named. Ajv's messages do not quote what was sent. */
function validationMessage({ validation = [], validationContext }: FastifyError): string {
  const problem = deepest(validation);
  const path = `${validationContext ?? 'request'}${problem?.instancePath ?? ''}`;
  // The route's wildcard stands for the name.
  const field = path === 'params/*' ? 'The name in the path' : path;
  const unknown = problem?.params['additionalProperty'];
  if (typeof unknown === 'string')
    return `${field} has an unknown field${fieldName.test(unknown) ? ` "${unknown}"` : ''}.`;
  const description = descriptionOf(problem);
  if (problem?.keyword === 'pattern' && description !== undefined) {
    return `${field} is not valid. ${description}`;
  }
  const choices = problem?.params['allowedValues'];
  if (Array.isArray(choices)) return `${field} must be one of ${choices.join(', ')}.`;
  return `${field} ${problem?.message ?? 'is not valid'}.`;
}

/** Where a field takes one of several shapes, each is tried: the fault deepest inside is of the shape that was meant. */
function deepest(problems: readonly Problem[]): Problem | undefined {
  const depth = ({ instancePath }: Problem) => instancePath.split('/').length;
  return problems.toSorted((a, b) => depth(b) - depth(a))[0];
}

/** What the schema says of the field; ajv is `verbose`, so that problems know their schema. */
function descriptionOf(problem: Problem | undefined): string | undefined {
  const schema: unknown = problem !== undefined && 'parentSchema' in problem ? problem.parentSchema : null;
  if (typeof schema !== 'object' || schema === null || !('description' in schema)) return undefined;
  return typeof schema.description === 'string' ? schema.description : undefined;
}

/** For the log: what went wrong inside, which never holds a value. */
function reasonOf(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return error instanceof ServiceError ? `${error.message}${cause}` : `${error.name}: ${error.message}`;
}
