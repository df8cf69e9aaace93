import { isIP } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { networkPattern, SourceNetworks } from '../../src/vault/source-networks.ts';

const cases: readonly (readonly [
  networks: string[],
  allowed: (string | null)[],
  refused: (string | null)[],
])[] = [
  [[], ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', null], []],
  [['192.0.2.7'], ['192.0.2.7', '::ffff:192.0.2.7', '::FFFF:192.0.2.7'], ['192.0.2.8', '2001:db8::7', null]],
  [['10.0.0.0/8'], ['10.255.255.255', '::ffff:10.0.0.1'], ['11.0.0.0', '9.255.255.255', '::10.0.0.1']],
  [['10.1.2.3/8'], ['10.9.9.9'], ['11.1.2.3']],
  [['192.0.2.128/25'], ['192.0.2.128', '192.0.2.255'], ['192.0.2.127']],
  [['0.0.0.0/0'], ['192.0.2.1', '::ffff:192.0.2.1'], ['::1', '2001:db8::1']],
  [['2001:db8::/32'], ['2001:db8:ffff::1'], ['2001:db9::1', '192.0.2.1', null]],
  [['::1'], ['::1', '0:0:0:0:0:0:0:1'], ['::2', '127.0.0.1', '::ffff:127.0.0.1']],
  [['::/0'], ['::1', '2001:db8::1'], ['192.0.2.1', '::ffff:192.0.2.1']],
  [
    ['10.0.0.0/8', '2001:db8::/32'],
    ['10.0.0.1', '2001:db8::1'],
    ['192.0.2.1', '2001:db9::1'],
  ],
];

for (const [networks, allowed, refused] of cases) {
  t.test(`networks ${networks.join(' ')}`, async t => {
    const list = new SourceNetworks(networks);
    for (const address of allowed) t.ok(list.allow(address), `allow ${address}`);
    for (const address of refused) t.notOk(list.allow(address), `refuse ${address}`);
  });
}

t.test('what is no network is refused, and never quoted back', async t => {
  const wrong = ['', '10.0.0.0/33', '::/129', '10.0.0', '10.0.0.0/', '10.0.0.0/8/8', 'localhost', '*'];
  for (const network of [...wrong, '::ffff:10.0.0.0/104', '10.0.0.0/-1', 'fe80::1%eth0', '10.0.0.0/08x']) {
    t.throws(() => new SourceNetworks(['10.0.0.0/8', network]), {
      code: 'bad_request',
      message: /^source_networks holds addresses and networks such as/,
    });
  }
});

t.test('an IPv4 network holds what a naive reckoning says it holds', async t => {
  const ipv4 = fc.nat(0xffff_ffff);
  const text = (number: number) => [24, 16, 8, 0].map(shift => (number >>> shift) & 255).join('.');
  fc.assert(
    fc.property(ipv4, ipv4, fc.nat(32), fc.boolean(), (network, address, length, near) => {
      // Most pairs at random differ in the first bits: half of them are made to share some.
      const tried = near ? (network ^ (address >>> length)) >>> 0 : address;
      const size = 2 ** (32 - length);
      const expected = Math.floor(network / size) === Math.floor(tried / size);
      const list = new SourceNetworks([`${text(network)}/${length}`]);
      return list.allow(text(tried)) === expected && list.allow(`::ffff:${text(tried)}`) === expected;
    }),
  );
  t.pass();
});

t.test(
  'the pattern of IPv6 addresses takes what Node does, but for those with IPv4 or a zone inside',
  async t => {
    const pattern = new RegExp(networkPattern);
    const piece = fc.constantFrom(':', ':', '::', '0', '1', 'a', 'f00d', '12345');
    const text = fc.array(piece, { minLength: 1, maxLength: 18 }).map(pieces => pieces.join(''));
    fc.assert(
      fc.property(text, address => pattern.test(address) === (isIP(address) === 6)),
      { numRuns: 20_000 },
    );
    t.pass();
  },
);
