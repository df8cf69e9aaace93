import { type Action, actions, isAction } from './actions.ts';
import { certificateFault } from './certificate-name.ts';
import { isClientName } from './client-name.ts';
import type { Effect, Rule } from './rules.ts';
import { readYaml, type YamlEntry, type YamlValue } from './yaml-value.ts';

const maxPatternLength = 256;
const patternShape = /^[A-Za-z0-9_./*-]+$/;

export interface GroupSection {
  readonly members: readonly string[];
  readonly rules: readonly Rule[];
}

export interface CertificateOwner {
  readonly client: string;
  /** SHA-256 of the authority that must stand above the certificate, in lower-case hexadecimal; null for any that is trusted. */
  readonly authority: string | null;
}

/** A policy file, checked in every detail but not compiled. */
export interface PolicyDocument {
  readonly clients: ReadonlyMap<string, readonly Rule[]>;
  readonly groups: readonly GroupSection[];
  /** Whose each name of a certificate is. */
  readonly certificates: ReadonlyMap<string, CertificateOwner>;
}

/** Throws PolicyError for the first thing in the text that is wrong. */
export function readDocument(text: string): PolicyDocument {
  const root = readYaml(text);
  const sections = fields(root, ['clients', 'groups']);
  const clientSection = sections.get('clients') ?? root.fail('has no "clients"');
  const clients = new Map<string, readonly Rule[]>();
  const certificates = new Map<string, CertificateOwner>();
  for (const entry of namedEntries(clientSection)) {
    const sections = fields(entry.value, ['allow', 'deny', 'certificates']);
    clients.set(entry.name, rulesOf(sections, entry.value.key));
    for (const item of sections.get('certificates')?.items() ?? []) {
      const { name, authority } = certificate(item, certificates);
      certificates.set(name, { client: entry.name, authority });
    }
  }
  const groupSection = sections.get('groups');
  const groups = groupSection ? namedEntries(groupSection).map(entry => group(entry.value, clients)) : [];
  return { clients, groups, certificates };
}

function group(value: YamlValue, clients: ReadonlyMap<string, unknown>): GroupSection {
  const sections = fields(value, ['members', 'allow', 'deny']);
  const memberSection = sections.get('members') ?? value.fail('has no "members"');
  const members = new Set<string>();
  for (const item of memberSection.items()) {
    const name = item.text();
    // A misspelt member would silently escape the group's deny rules.
    if (!clients.has(name)) item.fail(`${quoted(name)} is not among the clients`);
    if (members.has(name)) item.fail(`${quoted(name)} is a member already`);
    members.add(name);
  }
  return { members: [...members], rules: rulesOf(sections, value.key) };
}

/** A name that no client before has: nobody could say whose a certificate with it is. */
function certificate(
  item: YamlValue,
  taken: ReadonlyMap<string, CertificateOwner>,
): { name: string; authority: string | null } {
  const parts = item.isMapping ? fields(item, ['name', 'authority']) : null;
  const name = parts === null ? item.text() : (parts.get('name') ?? item.fail('has no "name"')).text();
  const reason = certificateFault(name);
  if (reason !== null) item.fail(`certificate ${quoted(name)} ${reason}`);
  const owner = taken.get(name);
  if (owner !== undefined) item.fail(`certificate ${quoted(name)} belongs to ${owner.client} already`);
  if (parts === null) return { name, authority: null };
  return { name, authority: fingerprint(parts.get('authority') ?? item.fail('has no "authority"')) };
}

/** As OpenSSL prints it, or without the colons. */
function fingerprint(value: YamlValue): string {
  const text = value.text().replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  return value.fail(
    'is not the SHA-256 of a certificate in hexadecimal: openssl x509 -noout -fingerprint -sha256',
  );
}

function namedEntries(value: YamlValue): YamlEntry[] {
  const entries = value.entries();
  for (const entry of entries) {
    if (!isClientName(entry.name)) {
      entry.value.fail(
        'is not a good name: 1 to 128 of A-Z a-z 0-9 _ . @ -, beginning with a letter or digit, not a reserved word',
      );
    }
  }
  return entries;
}

/** The entries of a mapping that may have these keys only. */
function fields(value: YamlValue, known: readonly string[]): Map<string, YamlValue> {
  const found = new Map<string, YamlValue>();
  for (const entry of value.entries()) {
    if (!known.includes(entry.name)) entry.value.fail(`is not a known key; known are ${known.join(', ')}`);
    found.set(entry.name, entry.value);
  }
  return found;
}

function rulesOf(sections: ReadonlyMap<string, YamlValue>, source: string): Rule[] {
  const rulesFor = (effect: Effect) =>
    (sections.get(effect)?.items() ?? []).map(item => rule(item, effect, source));
  return [...rulesFor('deny'), ...rulesFor('allow')];
}

function rule(item: YamlValue, effect: Effect, source: string): Rule {
  const words = item.text().split(' ');
  if (words.length > 2) item.fail('must be "pattern" or "action pattern"');
  const pattern = words.at(-1) ?? '';
  const reason = patternFault(pattern);
  if (reason !== null) item.fail(`pattern ${quoted(pattern)} ${reason}`);
  const action = words.length === 2 ? actionNamed(words[0] ?? '', item) : null;
  return { effect, action, pattern, source, line: item.line };
}

function actionNamed(word: string, item: YamlValue): Action {
  return isAction(word) ? word : item.fail(`unknown action ${quoted(word)}; known are ${actions.join(', ')}`);
}

/** Why no name can ever match the pattern, or null when one can. */
function patternFault(pattern: string): string | null {
  if (pattern === '') return 'is empty';
  if (pattern.length > maxPatternLength) return `is longer than ${maxPatternLength} characters`;
  if (!patternShape.test(pattern)) return 'has other characters than A-Z a-z 0-9 _ . - / *';
  const segments = pattern.split('/');
  if (segments.includes(''))
    return 'has an empty segment, as no name has; for all below a folder write folder/*';
  if (segments.includes('.') || segments.includes('..')) return 'has a dot segment, as no name has';
  return null;
}

/** For messages: on one line and not too long, whatever the file holds. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
