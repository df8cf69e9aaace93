/** What begins like a bearer token is none: it would be logged where a token was sent in place of a name. */
const shape = /^(?!jst_)[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}$/;

export const clientNamePattern = shape.source;

/** Whom the bootstrap token names: it has its own rights, and the policy none for it. */
export const bootstrapClient = 'bootstrap';

/**
 * Besides it, names that mean something to every JavaScript object; nobody needs them, and no later code should have
 * to care.
 */
const reserved: ReadonlySet<string> = new Set([bootstrapClient, 'constructor', 'prototype']);

/** 1–128 characters of `A–Z a–z 0–9 _ . @ -`, beginning with a letter or digit. Groups are named alike. */
export function isClientName(text: string): boolean {
  return shape.test(text) && !reserved.has(text);
}
