import t from 'tap';
import { parsePolicy } from '../../src/policy/policy.ts';

t.test('a name belongs to the longest beginning by which somebody may create it', async t => {
  const { namespaces } = parsePolicy(`clients:
  admin: { allow: ["*"] }
  web: { allow: ["app/web/*", "app/web-*", "read other/*"] }
  db: { allow: ["app/*/db", "create exact/name"] }
groups:
  operators: { members: [admin], allow: ["shared/*"] }
`);
  const expected = {
    'app/web/key': 'app/web/',
    'app/web-1': 'app/web-',
    'app/db': 'app/',
    'app/x/db': 'app/',
    'exact/name': 'exact/name',
    'shared/a': 'shared/',
    'other/a': '',
    plain: '',
  };
  for (const [name, namespace] of Object.entries(expected)) t.equal(namespaces.of(name), namespace, name);
});
