import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { PolicyError } from './policy-error.ts';

const tagFault = 'has a YAML tag; write the text without it, in quotes if it begins with an exclamation mark';

/** Far beyond any policy a person writes; bounds the time that one reload may take. */
const maxCharacters = 1_000_000;

export interface YamlEntry {
  readonly name: string;
  readonly line: number;
  readonly value: YamlValue;
}

/**
 * A value of a YAML text that knows where it stands, so that whoever finds it wrong can say so. Every scalar is text
 * (YAML's failsafe schema): a client may be called `no` or `007`. All methods throw PolicyError.
 */
export class YamlValue {
  readonly line: number;
  readonly key: string;
  readonly #node: unknown;
  readonly #lines: LineCounter;

  constructor(node: unknown, key: string, line: number, lines: LineCounter) {
    this.#node = node;
    this.key = key;
    this.line = line;
    this.#lines = lines;
  }

  /** The entries of a mapping; a key that is written twice is refused. */
  entries(): YamlEntry[] {
    const node = this.#expect(isMap, 'a mapping ({} for an empty one)');
    const seen = new Set<string>();
    return node.items.map(pair => {
      const line = this.#lineOf(pair.key);
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      const key = this.key === '' ? name : `${this.key}.${name}`;
      if (isScalar(pair.key) && isTagged(pair.key)) throw new PolicyError(line, key, tagFault);
      if (seen.has(name)) throw new PolicyError(line, key, 'is written twice');
      seen.add(name);
      return { name, line, value: new YamlValue(pair.value, key, line, this.#lines) };
    });
  }

  items(): YamlValue[] {
    const node = this.#expect(isSeq, 'a list ([] for an empty one)');
    return node.items.map(
      (item, index) => new YamlValue(item, `${this.key}[${index}]`, this.#lineOf(item), this.#lines),
    );
  }

  get isMapping(): boolean {
    return isMap(this.#node);
  }

  text(): string {
    return String(this.#expect(isScalar, 'text').value);
  }

  fail(reason: string): never {
    throw new PolicyError(this.line, this.key, reason);
  }

  #expect<Kind extends Node>(isKind: (node: unknown) => node is Kind, kind: string): Kind {
    if (isAlias(this.#node)) this.fail('is a YAML alias; a pattern that begins with * stands in quotes');
    if (!isKind(this.#node)) return this.fail(`must be ${kind}`);
    return isTagged(this.#node) ? this.fail(tagFault) : this.#node;
  }

  #lineOf(node: unknown): number {
    const start = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined;
    return start === undefined ? this.line : this.#lines.linePos(start).line;
  }
}

/** The parser knows tags such as !!binary in every schema, and decodes what they stand before. */
function isTagged({ tag }: Node): boolean {
  return tag !== undefined;
}

/** Parses one YAML 1.2 document. Throws PolicyError. */
export function readYaml(text: string): YamlValue {
  if (text.length > maxCharacters) {
    throw new PolicyError(null, '', `is longer than ${maxCharacters} characters`);
  }
  const lines = new LineCounter();
  // uniqueKeys compares every pair of keys, which takes hours on a hostile file: entries() looks for repeated keys.
  const document = parseDocument(text, {
    schema: 'failsafe',
    stringKeys: true,
    uniqueKeys: false,
    prettyErrors: false,
    // 'silent' would also silence that the text goes on with a second document.
    logLevel: 'error',
    lineCounter: lines,
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    throw new PolicyError(lines.linePos(problem.pos[0]).line, '', `is not valid YAML: ${problem.message}`);
  }
  return new YamlValue(document.contents, '', 1, lines);
}
