/** What a bare route answers: an object of the size of a secret's, made anew for each request. */
export function secretAnswer() {
  return {
    name: 'test',
    value: 'val',
    version: 1,
    kid: 'k1',
    created_at: '2026-01-01T00:00:00.000Z',
    expires_at: '2026-04-01T00:00:00.000Z',
    metadata: {},
  };
}
