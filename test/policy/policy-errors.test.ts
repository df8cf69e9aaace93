import fc from 'fast-check';
import t from 'tap';
import { PolicyError, parsePolicy } from '../../src/policy/policy.ts';
import { anyCharacter } from '../helpers/text.ts';
import { runsOf } from '../stack/tools.ts';

function refusal(text: string): PolicyError {
  try {
    parsePolicy(text);
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text.slice(0, 200)}`);
}

const refused: [what: string, text: string, line: number | null, key: string, reason: RegExp][] = [
  ['an empty file', '', 1, '', /must be a mapping/],
  ['a file without clients', 'groups: {}', 1, '', /has no "clients"/],
  [
    'an unknown key at the top',
    'clients: {}\nroles: {}',
    2,
    'roles',
    /not a known key; known are clients, groups/,
  ],
  ['an unknown key of a client', 'clients:\n  web:\n    alow: []', 3, 'clients.web.alow', /not a known key/],
  ['a key twice', 'clients:\n  web: {}\n  web: {}', 3, 'clients.web', /written twice/],
  ['a list for a mapping', 'clients: []', 1, 'clients', /must be a mapping/],
  ['an empty client', 'clients:\n  web:', 2, 'clients.web', /must be a mapping/],
  ['text for a list', 'clients: {web: {allow: "*"}}', 1, 'clients.web.allow', /must be a list/],
  ['a list for a rule', 'clients: {web: {allow: [[a]]}}', 1, 'clients.web.allow[0]', /must be text/],
  [
    'an unknown action',
    'clients:\n  web:\n    allow:\n      - a\n      - raed a',
    5,
    'clients.web.allow[1]',
    /unknown action "raed"/,
  ],
  ['a star for an action', 'clients: {web: {allow: ["* a"]}}', 1, 'clients.web.allow[0]', /unknown action/],
  ['three words', 'clients: {web: {allow: [read a b]}}', 1, 'clients.web.allow[0]', /action pattern/],
  [
    'an action alone is a pattern, two blanks are not',
    'clients: {web: {allow: ["read  a"]}}',
    1,
    'clients.web.allow[0]',
    /action pattern/,
  ],
  [
    'a certificate of no kind',
    'clients: {web: {certificates: [web]}}',
    1,
    'clients.web.certificates[0]',
    /"web" must begin with URI:, DNS: or CN:/,
  ],
  [
    'a certificate without a name',
    'clients: {web: {certificates: ["DNS:"]}}',
    1,
    'clients.web.certificates[0]',
    /go on with the name/,
  ],
  [
    'a certificate with a star',
    'clients: {web: {certificates: ["DNS:*.internal"]}}',
    1,
    'clients.web.certificates[0]',
    /matched as they are/,
  ],
  [
    'a certificate with a control character',
    'clients: {web: {certificates: ["CN:a\\nb"]}}',
    1,
    'clients.web.certificates[0]',
    /control character/,
  ],
  [
    'a key with a carriage return',
    'clients:\n  web:\n    allow\r: []',
    3,
    'clients.web.allow\r',
    /not a known key/,
  ],
  [
    'a certificate past any length',
    `clients: {web: {certificates: ["CN:${'a'.repeat(510)}"]}}`,
    1,
    'clients.web.certificates[0]',
    /longer than 512/,
  ],
  [
    'a certificate of two clients',
    'clients:\n  web: {certificates: ["CN:a"]}\n  billing: {certificates: ["CN:b", "CN:a"]}',
    3,
    'clients.billing.certificates[1]',
    /"CN:a" belongs to web already/,
  ],
  [
    'certificates of a group',
    'clients: {}\ngroups: {a: {members: [], certificates: []}}',
    2,
    'groups.a.certificates',
    /not a known key/,
  ],
  ['an empty rule', 'clients: {web: {allow: [""]}}', 1, 'clients.web.allow[0]', /is empty/],
  [
    'characters no name has',
    'clients: {web: {allow: ["a?"]}}',
    1,
    'clients.web.allow[0]',
    /other characters/,
  ],
  ['an empty segment', 'clients: {web: {allow: [app/]}}', 1, 'clients.web.allow[0]', /write folder\/\*/],
  ['a dot segment', 'clients: {web: {allow: [../a]}}', 1, 'clients.web.allow[0]', /dot segment/],
  [
    'a pattern past any name',
    `clients: {web: {allow: [${'a'.repeat(257)}]}}`,
    1,
    'clients.web.allow[0]',
    /longer than/,
  ],
  ['a client name with a blank', 'clients: {a b: {}}', 1, 'clients.a b', /not a good name/],
  ['a prototype key', 'clients: {__proto__: {}}', 1, 'clients.__proto__', /not a good name/],
  ['a reserved name', 'clients: {constructor: {}}', 1, 'clients.constructor', /not a good name/],
  ['the name of the bootstrap', 'clients: {bootstrap: {}}', 1, 'clients.bootstrap', /not a good name/],
  ['a name like a token', 'clients: {jst_a: {}}', 1, 'clients.jst_a', /not a good name/],
  ['a prototype key at the top', 'clients: {}\n__proto__: {}', 2, '__proto__', /not a known key/],
  ['a merge key', 'clients: {<<: {}}', 1, 'clients.<<', /not a good name/],
  ['a group without members', 'clients: {}\ngroups: {g: {}}', 2, 'groups.g', /has no "members"/],
  [
    'a member who is no client',
    'clients: {a: {}}\ngroups: {g: {members: [b]}}',
    2,
    'groups.g.members[0]',
    /not among/,
  ],
  ['a member twice', 'clients: {a: {}}\ngroups: {g: {members: [a, a]}}', 2, 'groups.g.members[1]', /already/],
  [
    'an authority that is no fingerprint',
    'clients: {a: {certificates: [{name: "CN:a", authority: "x"}]}}',
    1,
    'clients.a.certificates[0].authority',
    /SHA-256/,
  ],
  [
    'a certificate without its authority',
    'clients: {a: {certificates: [{name: "CN:a"}]}}',
    1,
    'clients.a.certificates[0]',
    /no "authority"/,
  ],
  ['an alias', 'clients: {a: &x {}, b: *x}', 1, 'clients.b', /alias/],
  ['a bare star', 'clients:\n  a:\n    allow:\n      - *', 4, '', /not valid YAML/],
  ['a tag', 'clients: !!js/function {}', 1, '', /not valid YAML/],
  [
    'a tag that the parser decodes',
    'clients: {a: {allow: [!!binary aGk=]}}',
    1,
    'clients.a.allow[0]',
    /YAML tag/,
  ],
  ['the tag of text', 'clients: {a: {allow: [!!str read a]}}', 1, 'clients.a.allow[0]', /YAML tag/],
  ['the tag of no type', 'clients: {a: {allow: [! a]}}', 1, 'clients.a.allow[0]', /YAML tag/],
  ['a tag before a key', 'clients: {!!str a : {}}', 1, 'clients.a', /YAML tag/],
  ['a tag before a mapping', 'clients: !!map {a: {}}', 1, 'clients', /YAML tag/],
  ['a tag before a list', 'clients: {a: {allow: !!seq [a]}}', 1, 'clients.a.allow', /YAML tag/],
  ['a set', 'clients: !!set {a}', 1, 'clients', /YAML tag/],
  ['an ordered map', 'clients: !!omap [a: {}]', 1, 'clients', /must be a mapping/],
  ['a tag before everything', '!!map {clients: {}}', 1, '', /YAML tag/],
  ['a merge key', 'clients: {a: {<<: {allow: [a]}}}', 1, 'clients.a.<<', /./],
  ['two documents', 'clients: {}\n---\nclients: {}', 2, '', /not valid YAML/],
  ['deep nesting', '['.repeat(100_000), 1, '', /not valid YAML/],
  ['an endless file', ' '.repeat(1_000_001), null, '', /longer than/],
];

for (const [what, text, line, key, reason] of refused) {
  t.test(`refuses ${what}`, async t => {
    const error = refusal(text);
    t.equal(error.line, line);
    t.equal(error.key, key);
    t.match(error.reason, reason);
    t.notMatch(error.message, /\p{Cc}/u, 'one line');
  });
}

t.test('a message says line, key and reason, on one line', async t => {
  t.equal(refusal('clients: {web: {allow: ["a\\n?"]}}').message.split('\n').length, 1);
  t.match(refusal('clients:\n  web: []').message, /^line 2, clients\.web: must be a mapping/);
});

t.test('an alias bomb costs nothing', async t => {
  const bomb = ['clients: {}', 'a0: &a0 [x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 30; i++)
    bomb.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(',')}]`,
    );
  t.equal(refusal(bomb.join('\n')).key, 'a0');
});

t.test('a file of many repeated keys is read in linear time', async t => {
  const before = process.cpuUsage();
  const clients = Array.from({ length: 20_000 }, (_, i) => ` c${i}: {}`);
  t.equal(parsePolicy(`clients:\n${clients.join('\n')}`).clients.length, 20_000);
  t.ok(process.cpuUsage(before).user < 10e6, 'microseconds of CPU; comparing each with each takes minutes');
});

t.test('a damaged policy is refused with PolicyError or is a policy', async t => {
  const good = `clients:
  web: {allow: [read app/*, "*"], deny: [delete app/*]}
  "a.b": {allow: ['list x']}
groups:
  ops: {members: [web, a.b], allow: [rotate *]}
`;
  const fragments = [
    '*',
    '&a ',
    '*a',
    '!!x ',
    '{',
    '}',
    '[',
    ']',
    ': ',
    '- ',
    '\n',
    '\t',
    '"',
    "'",
    '? ',
    '|',
    '#',
    '%',
    '\0',
    '---\n',
    '<<',
    '__proto__',
    '\ud800',
    '\u2028',
  ];
  const damage = fc.record({
    at: fc.nat(good.length),
    drop: fc.nat(6),
    insert: fc.oneof(fc.constantFrom(...fragments), fc.string({ maxLength: 4, unit: anyCharacter })),
  });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), damages => {
        let text = good;
        for (const { at, drop, insert } of damages) text = text.slice(0, at) + insert + text.slice(at + drop);
        try {
          return Array.isArray(parsePolicy(text).clients);
        } catch (error) {
          return error instanceof PolicyError;
        }
      }),
      { numRuns: runsOf(2000) },
    ),
  );
});
