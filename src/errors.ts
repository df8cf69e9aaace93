import { isTemporary } from './temporary.ts';

/**
 * Every error a client can meet: one row per code, with the HTTP status and the default message.
 * `docs/API.md` lists the same rows; test/consistency/errors.test.ts holds the two together.
 */
export const errorTable = {
  bad_request: { status: 400, message: 'The request is not valid.' },
  not_supported: {
    status: 400,
    message: 'The request asks for something that this service does not offer.',
  },
  unauthenticated: { status: 401, message: 'The request does not say who is calling.' },
  not_authorized: { status: 403, message: 'The policy does not allow this.' },
  not_found: { status: 404, message: 'There is nothing under this name or path.' },
  method_not_allowed: {
    status: 405,
    message: 'This path does not support the method; see the Allow header.',
  },
  request_timeout: { status: 408, message: 'The request took too long to arrive.' },
  conflict: { status: 409, message: 'A secret with this name exists already.' },
  deleted: { status: 409, message: 'The secret is deleted; undelete or purge it first.' },
  quota_exceeded: {
    status: 409,
    message: 'A quota is used up; the message says which and what makes room.',
  },
  version_mismatch: {
    status: 412,
    message: 'The condition of the request (If-Match or If-None-Match) is false.',
  },
  too_large: { status: 413, message: 'The body or value is too large.' },
  uri_too_long: { status: 414, message: 'The request target is too long.' },
  unsupported_media_type: { status: 415, message: 'Send the body as application/json.' },
  expectation_failed: {
    status: 417,
    message: 'The Expect header asks for something this server does not do.',
  },
  misdirected_request: {
    status: 421,
    message: 'The Host header names a host this server does not answer for.',
  },
  too_many_requests: { status: 429, message: 'Too many requests; wait as long as Retry-After says.' },
  headers_too_large: { status: 431, message: 'The request headers are too large.' },
  internal: { status: 500, message: 'The server failed to answer; the log has the request id.' },
  overloaded: { status: 503, message: 'The server has too much to do; try again shortly.' },
  unavailable: { status: 503, message: 'The server cannot do this safely right now.' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof errorTable;

/** An error that a client is shown as `{error: code, message}`; the message never holds a value, token or key. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string = errorTable[code].message,
    options: ErrorOptions & { headers?: Record<string, string> } = {},
  ) {
    super(message, options);
    this.name = 'ServiceError';
    this.code = code;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}

/** How a bearer token is asked for (RFC 6750 §3). */
export const bearerChallenge = 'Bearer realm="jarvis-secretsd"';

/** What a token that is no good is answered with: the same, whatever is wrong with it. */
export function invalidToken(): ServiceError {
  const headers = { 'www-authenticate': `${bearerChallenge}, error="invalid_token"` };
  return new ServiceError('unauthenticated', 'The bearer token is not valid.', { headers });
}

/**
 * A reason not to start: the message says what, where and what to do. The process exits with code 75 when the reason can pass by
 * itself, and with 2 when somebody must change something.
 */
export class StartError extends Error {
  readonly isTemporary: boolean;

  /** What the cause says counts unless `isTemporary` is given. */
  constructor(message: string, options: ErrorOptions & { readonly isTemporary?: boolean } = {}) {
    super(oneLine(message), options);
    this.name = 'StartError';
    this.isTemporary = options.isTemporary ?? isTemporary(options.cause);
  }
}

/** Control characters and line breaks as JSON escapes: a message may show what a damaged file holds, and stays one line. */
export function oneLine(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Anything thrown on the way up, as a reason not to start. */
export function asStartError(error: unknown): StartError {
  return error instanceof StartError ? error : new StartError(messageWithCause(error), { cause: error });
}

/** The message of anything thrown, for log lines and start errors. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message, and what the system said where the message does not repeat it. */
function messageWithCause(error: unknown): string {
  const message = errorMessage(error);
  if (!(error instanceof Error) || error.cause === undefined) return message;
  const cause = messageWithCause(error.cause);
  return message.includes(cause) ? message : `${message} (${cause})`;
}

/**
 * The message of anything thrown, without what it quotes: for the log, where no name of a secret or of a client may be. Messages
 * quote names always.
 */
export function reasonWithoutNames(error: unknown): string {
  return errorMessage(error).replaceAll(/"[^"]*"/g, '"…"');
}

/** The system error code of anything thrown (`ENOENT`, `EADDRINUSE`), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
