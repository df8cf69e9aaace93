/** What a client may ask to do with a name. */
export const actions = ['read', 'list', 'create', 'update', 'delete', 'rotate', 'purge', 'admin'] as const;

export type Action = (typeof actions)[number];

/** What an allow rule grants when it names no action: destroying for good and administration are always named. */
export const grantedUnnamed: readonly Action[] = actions.filter(
  action => action !== 'purge' && action !== 'admin',
);

export function isAction(text: string): text is Action {
  return (actions as readonly string[]).includes(text);
}
