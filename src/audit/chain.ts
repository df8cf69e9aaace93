/**
 * The hash chain: how a record becomes a line, and how a line is checked against the one before it.
 * Pure; docs/FORMAT.md, "Audit log", has the same rules for verifiers written by others.
 */
import { hash } from 'node:crypto';
import type { AuditEntry } from './record.ts';

/** A record's place in the chain: its number, and the hash of its line (64 lower-case hex digits). */
export interface ChainPosition {
  readonly seq: number;
  readonly hash: string;
}

/** What the first record of a log follows. */
export const chainStart: ChainPosition = { seq: 0, hash: '0'.repeat(64) };

/** A line of the log, without its line feed, seen only as a link of the chain. */
export interface Link extends ChainPosition {
  readonly previousHash: string;
  readonly event: string;
}

/** `prev` and `hash` end every line, so they stand at a fixed distance from its end. */
const tailPattern = /^,"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/;
const tailLength = ',"prev":"'.length + 64 + '","hash":"'.length + 64 + '"}'.length;
const hashFieldLength = ',"hash":"'.length + 64 + '"}'.length;
const headPattern = /^\{"seq":([1-9][0-9]{0,15}),"time":"[0-9TZ:.+-]{24,27}","event":"([a-z_]{1,40})",/;
const headLength = 120;

/** Printable ASCII without quote and backslash stands for itself in JSON. */
const plainText = /^[ !#-[\]-~]*$/;

function quoted(text: string | null): string {
  if (text === null) return 'null';
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text);
}

/**
 * The line of a record, with its line feed, and the record's place in the chain.
 * `time` is RFC 3339 in UTC with milliseconds; `entry.event` is lower-case letters and underscores.
 */
export function encodeRecord(
  previous: ChainPosition,
  time: string,
  entry: AuditEntry,
): { position: ChainPosition; line: string } {
  const seq = previous.seq + 1;
  const detail = entry.detail === undefined ? '' : `,"detail":${JSON.stringify(entry.detail)}`;
  const hashed =
    `{"seq":${seq},"time":"${time}","event":"${entry.event}","client":${quoted(entry.client)}` +
    `,"identity_method":${quoted(entry.identity_method)},"credential_id":${quoted(entry.credential_id)}` +
    `,"remote_addr":${quoted(entry.remote_addr)},"action":${quoted(entry.action)}` +
    `,"resource":${quoted(entry.resource)},"version":${JSON.stringify(entry.version)}` +
    `,"decision":${quoted(entry.decision)},"outcome":${quoted(entry.outcome)}` +
    `,"op_id":${quoted(entry.op_id)},"request_id":${quoted(entry.request_id)}` +
    `,"trace_id":${quoted(entry.trace_id)}${detail},"prev":"${previous.hash}"`;
  const digest = hash('sha256', hashed, 'hex');
  return { position: { seq, hash: digest }, line: `${hashed},"hash":"${digest}"}\n` };
}

/** What a line says of itself, unchecked; null when it does not have the form of a record. */
export function readLink(line: Buffer): Link | null {
  const head = headPattern.exec(line.toString('latin1', 0, headLength));
  if (head === null || line.length < tailLength) return null;
  const tail = tailPattern.exec(line.toString('latin1', line.length - tailLength));
  const [, seq, event] = head;
  const [, previousHash, digest] = tail ?? [];
  if (!seq || !event || !previousHash || !digest) return null;
  return { seq: Number(seq), event, previousHash, hash: digest };
}

/** When a record was made, in milliseconds since the epoch; null where the line does not say. */
export function readTime(line: Buffer): number | null {
  const text = /^\{"seq":[0-9]+,"time":"([^"]+)"/.exec(line.toString('latin1', 0, headLength))?.[1];
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? null : time;
}

/** Why a line does not follow `previous`, in words for a report; null when it does. */
export function linkProblem(line: Buffer, link: Link | null, previous: ChainPosition): string | null {
  if (link === null) return 'this is not a complete audit record';
  const hashed = line.subarray(0, line.length - hashFieldLength);
  if (hash('sha256', hashed, 'hex') !== link.hash) return 'the content does not match its hash';
  if (link.seq !== previous.seq + 1) return `record ${link.seq} stands where ${previous.seq + 1} belongs`;
  if (link.previousHash !== previous.hash) return `record ${link.seq} does not follow the record before it`;
  return null;
}

/** The entry of a line whose link has been checked. Throws SyntaxError when it is not an audit entry. */
export function parseEntry(line: Buffer): AuditEntry {
  const fields: unknown = JSON.parse(line.toString('utf8'));
  if (!isAuditEntry(fields)) throw new SyntaxError('the fields are not those of an audit record');
  const { seq, time, prev, hash: digest, ...entry } = fields;
  return entry;
}

type StoredFields = AuditEntry & Readonly<Record<'seq' | 'time' | 'prev' | 'hash', unknown>>;

const textFields = [
  'client',
  'identity_method',
  'credential_id',
  'remote_addr',
  'action',
  'resource',
  'decision',
  'outcome',
  'op_id',
  'request_id',
  'trace_id',
];

function isAuditEntry(value: unknown): value is StoredFields {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const version = fields.get('version');
  const detail = fields.get('detail');
  return (
    typeof fields.get('event') === 'string' &&
    textFields.every(name => fields.get(name) === null || typeof fields.get(name) === 'string') &&
    (version === null || typeof version === 'number') &&
    (detail === undefined || (typeof detail === 'object' && detail !== null))
  );
}
