/** A message names the cause in words: no expression of the validator, no field of a shape that was not meant, no value. */
import t from 'tap';
import { ask } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

const service = await startInProcess(await install(t.testdir()));
await service.request('PUT', '/secret/kept', { value: 'v' });

const rotation = (rule: unknown) => ['PUT', '/secret/kept', { value: 'v', rotation: rule }] as const;
const generator = (spec: unknown) => ['POST', '/rotate', { names: ['kept'], generator: spec }] as const;
const token = (fields: object) => ['POST', '/tokens', { client: 'admin', ...fields }] as const;
const create = (body: unknown) => ['POST', '/secret', body] as const;

type Request = readonly [method: string, target: string, body?: unknown, headers?: Record<string, string>];

const messages: Readonly<Record<string, readonly [Request, RegExp]>> = {
  'a password of two characters': [
    generator({ type: 'password', length: 2 }),
    /^generator\.length must be at least \d+\. /,
  ],
  'an option of another type': [
    generator({ type: 'uuid', length: 3 }),
    /^generator has an unknown field "length"\.$/,
  ],
  'a type that is none': [generator({ type: 'dice' }), /^generator\.type must be one of bytes, hex, /],
  'a name of a type that is none': [generator('dice'), /^generator must be one of bytes, hex, /],
  'a generator without a type': [generator({ length: 5 }), /^generator must have the field "type"\.$/],
  'a generator that is a number': [generator(5), /^generator is not valid\. A generator is its type, or /],
  'a period in words': [
    rotation({ every: '90 days' }),
    /^rotation\.every is not valid\. A duration is 1m to 9999d, like "90d"/,
  ],
  'a period that is too short': [
    rotation({ every: 5 }),
    /^rotation\.every must be at least 60\. A duration is 1m/,
  ],
  'a period of another type': [rotation({ every: true }), /^rotation\.every is not valid\. A duration is /],
  'a rule without a period': [rotation({}), /^rotation must have the field "every"\.$/],
  'a rule that is a text': [rotation('daily'), /^rotation is not valid\. A rotation rule is an object/],
  'a lifetime in years': [
    token({ expires_in: '1y' }),
    /^expires_in is not valid\. A duration is 1s to 999d, like /,
  ],
  'a network that is none': [
    token({ source_networks: ['home'] }),
    /^source_networks\.0 is not valid\. Networks are like /,
  ],
  'a client that is no name': [
    token({ client: 'a b' }),
    /^client is not valid\. A client is one of the policy/,
  ],
  'a client that is not known': [token({ client: 'other' }), /^The policy does not know "other"; /],
  'an id that is none': [
    ['DELETE', '/tokens/7'],
    /^The id in the path is not valid\. The id of a token is like t-/,
  ],
  'a prefix that is none': [
    ['GET', '/secrets?prefix=%20'],
    /^The parameter prefix is not valid\. A prefix is /,
  ],
  'a limit of nothing': [
    ['GET', '/secrets?limit=0'],
    /^The parameter limit is not valid\. A limit is 1 to 1000/,
  ],
  'a version that is none': [
    ['GET', '/secret/kept?version=x'],
    /^The parameter version is not valid\. A version is /,
  ],
  'a name that is none': [
    ['GET', '/secret/a%20b'],
    /^The name in the path is not valid\. A name is 1 to 256 /,
  ],
  'a name that is too long': [
    create({ name: 'n'.repeat(257), value: 'v' }),
    /^name must have at most 256 characters\. A name is/,
  ],
  'a field of another type': [create({ name: 'a', value: 5 }), /^value must be a string\.$/],
  'a list': [create([]), /^The body must be an object\.$/],
  'an empty body': [create(''), /^The body is empty; send a JSON object\.$|^The body must be an object\.$/],
  'broken JSON': [
    create('{"name":"a",\n "value" hunter2}'),
    /^The body is not valid JSON from line 2, column 10 on\.$/,
  ],
  'JSON that is cut short': [
    create('{"name":"a",'),
    /^The body is not valid JSON: it ends too early, at line 1, column 13\.$/,
  ],
  'broken JSON by curl -d': [
    [...create('{"name":hunter2}'), { 'content-type': 'application/x-www-form-urlencoded' }],
    /^The body is not valid JSON from line 1, column 9 on\.$/,
  ],
  'a form': [
    [...create('name=a'), { 'content-type': 'application/x-www-form-urlencoded' }],
    /^The body is a form and not a JSON object; send JSON with Content-Type: application\/json\.$/,
  ],
  'a client without rights': [
    ['GET', '/secret/test', undefined, { 'x-jarvis-client': 'nobody' }],
    /^The policy does not let "nobody" read "test"\.$/,
  ],
  'a client without rights to tokens': [
    [...token({}), { 'x-jarvis-client': 'nobody' }],
    /^The policy does not let "nobody" administer "tokens\/admin"\.$/,
  ],
  'no client': [
    ['GET', '/secret/test', undefined, { 'x-jarvis-client': '' }],
    /^Say who you are: X-Jarvis-Client: <client>\.$/,
  ],
  'a secret that is not there': [['GET', '/secret/none'], /^There is no secret named "none"\.$/],
  'a name that is taken': [
    create({ name: 'kept', value: 'v' }),
    /^"kept" exists already; PUT \/secret\/kept adds/,
  ],
  'the root': [['GET', '/'], /GET \/openapi\.json describes the API/],
};

for (const [what, [[method, target, body, headers = {}], message]] of Object.entries(messages)) {
  t.test(what, async t => {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await ask(service.url, requestBytes(method, target, sent, headers));
    t.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
    const text = String(JSON.parse(answer.body).message);
    t.match(text, message);
    t.notMatch(text, /hunter2|must match pattern|equal to constant/);
    t.match(answer.body, /\}\n$/, 'a shell prompt does not follow the JSON');
  });
}

t.test('every pattern of the API has a description, which is what a message shows of it', async t => {
  const { paths } = (await (await service.request('GET', '/openapi.json')).json()) as { paths: object };
  const undescribed: string[] = [];
  const look = (schema: unknown, place: string, described: boolean): void => {
    if (typeof schema !== 'object' || schema === null) return;
    const isDescribed = described || 'description' in schema;
    if ('pattern' in schema && !isDescribed) undescribed.push(place);
    for (const [key, child] of Object.entries(schema)) {
      // A parameter's description stands next to its schema.
      look(child, `${place}/${key}`, key === 'schema' && isDescribed);
    }
  };
  look(paths, '', false);
  t.same(undescribed, []);
});

t.test('a host name may end with a dot', async t => {
  for (const host of ['localhost.', 'LOCALHOST.:8081']) {
    const answer = await ask(service.url, requestBytes('GET', '/secret/kept', undefined, { host }));
    t.equal(answer.status, 200, host);
  }
  t.equal(
    (await ask(service.url, requestBytes('GET', '/secret/kept', undefined, { host: 'x.' }))).status,
    421,
  );
});

// No teardown: see test/together.ts.
t.test('the service stops', () => service.stop());
