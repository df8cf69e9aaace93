import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, reasonWithoutNames, ServiceError } from '../errors.ts';
import { requestFacts } from './request-span.ts';
import { validationMessage } from './validation-messages.ts';

/** The body of every error answer. */
interface ErrorReply {
  readonly error: ErrorCode;
  readonly message: string;
}

/** Fastify's own errors, by their code, as ours; with a message where the default one would not say what is wrong. */
const frameworkErrors: Readonly<Record<string, readonly [code: ErrorCode, message?: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_media_type',
    'The body is of another type than JSON; send it with Content-Type: application/json.',
  ],
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

/** Ends with a line feed, so that a shell's prompt does not follow it. */
export function errorBody({ code, message }: ServiceError): string {
  return `${JSON.stringify({ error: code, message } satisfies ErrorReply)}\n`;
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
      .type('application/json; charset=utf-8')
      .send(errorBody(shown));
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

/** For the log: what went wrong inside, which never holds a value or a name. */
function reasonOf(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${reasonWithoutNames(error.cause)}` : '';
  const reason = reasonWithoutNames(error);
  return error instanceof ServiceError ? `${reason}${cause}` : `${error.name}: ${reason}`;
}
