const shape = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}$/;

/** Names that mean something to every JavaScript object; nobody needs them, and no later code should have to care. */
const reserved: ReadonlySet<string> = new Set(['constructor', 'prototype']);

/** 1–128 characters of `A–Z a–z 0–9 _ . @ -`, beginning with a letter or digit. Groups are named alike. */
export function isClientName(text: string): boolean {
  return shape.test(text) && !reserved.has(text);
}
