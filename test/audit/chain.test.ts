import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import {
  type ChainPosition,
  chainStart,
  encodeRecord,
  linkProblem,
  parseEntry,
  readLink,
} from '../../src/audit/chain.ts';
import type { AuditEntry } from '../../src/audit/record.ts';
import { anyCharacter } from '../helpers/text.ts';
import { entry } from './fixture.ts';

interface Vector {
  readonly previous: ChainPosition;
  readonly time: string;
  readonly entry: AuditEntry;
  readonly line: string;
  readonly hash: string;
}

const time = '2026-01-02T03:04:05.678Z';
const text = fc.option(fc.oneof(fc.string(), fc.string({ unit: anyCharacter })), { nil: null });
const details = fc.dictionary(
  fc.string().filter(name => name !== '__proto__'),
  fc.oneof(fc.string({ unit: anyCharacter }), fc.integer(), fc.boolean()),
);
const entries: fc.Arbitrary<AuditEntry> = fc
  .record({
    event: fc.constantFrom('read', 'refusal', 'intent', 'outcome', 'policy_reload'),
    client: text,
    identity_method: text,
    credential_id: text,
    remote_addr: text,
    action: text,
    resource: text,
    version: fc.option(fc.nat(), { nil: null }),
    decision: fc.constantFrom('allow' as const, 'deny' as const, null),
    outcome: text,
    op_id: text,
    request_id: text,
    trace_id: text,
  })
  .chain(base =>
    fc.oneof(
      fc.constant(base),
      details.map(detail => ({ ...base, detail })),
    ),
  );

function problemOf(line: Buffer, previous: ChainPosition): string | null {
  return linkProblem(line, readLink(line), previous);
}

t.test('the bytes of a record are those of the vectors', async t => {
  const url = new URL('../vectors/audit-chain.json', import.meta.url);
  const vectors: readonly Vector[] = JSON.parse(readFileSync(url, 'utf8'));
  for (const vector of vectors) {
    const { position, line } = encodeRecord(vector.previous, vector.time, vector.entry);
    t.equal(line, `${vector.line}\n`);
    t.same(position, { seq: vector.previous.seq + 1, hash: vector.hash });
    t.equal(problemOf(Buffer.from(vector.line), vector.previous), null);
  }
  const format = readFileSync(new URL('../../docs/FORMAT.md', import.meta.url), 'utf8');
  t.ok(format.includes(`${vectors[1]?.line}\n`), 'docs/FORMAT.md shows one of them');
});

t.test('any entry comes back as it was, on one line', async t => {
  const property = fc.property(entries, fc.nat(), (entry, seq) => {
    const previous = { seq, hash: 'ab'.repeat(32) };
    const { position, line } = encodeRecord(previous, time, entry);
    const bytes = Buffer.from(line.slice(0, -1));
    t.notOk(bytes.includes('\n'));
    t.equal(problemOf(bytes, previous), null);
    t.same(readLink(bytes), { ...position, previousHash: previous.hash, event: entry.event });
    t.same(parseEntry(bytes), entry);
  });
  fc.assert(property, { numRuns: 200 });
});

t.test('no bit can be flipped without being seen', async t => {
  const property = fc.property(entries, fc.nat(), fc.nat(7), (entry, at, bit) => {
    const { line } = encodeRecord(chainStart, time, entry);
    const bytes = Buffer.from(line.slice(0, -1));
    const index = at % bytes.length;
    bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
    return problemOf(bytes, chainStart) !== null;
  });
  fc.assert(property, { numRuns: 1000 });
  t.pass();
});

t.test('a record that does not follow is told from one that was changed', async t => {
  const first = encodeRecord(chainStart, time, entry());
  const second = encodeRecord(first.position, time, entry());
  const bytes = Buffer.from(second.line.slice(0, -1));
  t.equal(problemOf(bytes, first.position), null);
  t.match(problemOf(bytes, chainStart), /record 2 stands where 1 belongs/);
  t.match(problemOf(bytes, { seq: 1, hash: 'c'.repeat(64) }), /does not follow/);
  bytes[40] = 0x30;
  t.match(problemOf(bytes, first.position), /does not match its hash/);
  t.match(problemOf(Buffer.from('{"seq":2}'), first.position), /not a complete audit record/);
});

t.test('a line whose fields are not those of a record is no entry', async t => {
  for (const line of ['{}', '[]', 'null', JSON.stringify({ ...entry(), client: 5 }), '{']) {
    t.throws(() => parseEntry(Buffer.from(line)), SyntaxError, line);
  }
});
