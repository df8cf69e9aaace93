import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requestJson } from './json-request.ts';

/** How `admin` says who asks of a service with token identity, whose files are in the folder. */
export async function adminByToken(url: string, folder: string): Promise<Record<string, string>> {
  const bootstrap = readFileSync(join(folder, 'keys/bootstrap.token'), 'utf8').trimEnd();
  const authorization = `Bearer ${bootstrap}`;
  const answer = await requestJson('POST', `${url}/tokens`, { authorization }, { client: 'admin' });
  return { authorization: `Bearer ${(answer as { token: string }).token}` };
}
