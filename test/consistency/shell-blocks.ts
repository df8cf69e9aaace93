/** A block of shell commands in a document, and what the document says of it. */
export interface ShellBlock {
  /** Where its commands begin, counted from 1. */
  readonly line: number;
  readonly commands: string;
  /** What it prints, as the block of text right below it says; null where nothing is shown. */
  readonly shown: string | null;
  /** Why no test runs it: `<!-- not run: … -->` right above; null for a block that is run. */
  readonly notRun: string | null;
  /** 0, or what `<!-- exits with N: … -->` right above says. */
  readonly exitCode: number;
}

const marked = String.raw`(?:^<!-- (?:(?<fate>not run)|exits with (?<code>\d+)): (?<reason>[^>]+?) -->\n)?`;
const block = new RegExp(
  `${marked}${String.raw`^${'```'}sh\n(?<commands>[\s\S]*?)^${'```'}$(?:\n\n${'```'}text\n(?<shown>[\s\S]*?)^${'```'}$)?`}`,
  'gm',
);
/** What a shell block may look like elsewhere; here it is `sh`, at the margin. */
const anyShell = /^[ >]*```(?:sh|bash|shell|console|zsh)\b/gm;

/** @throws Error where the document has a shell block that is written otherwise, and so would not be run */
export function shellBlocks(document: string): ShellBlock[] {
  const blocks = [...document.matchAll(block)].map(({ groups = {}, index, 0: whole }) => ({
    line: document.slice(0, index + whole.indexOf('```sh\n')).split('\n').length + 1,
    commands: groups['commands'] ?? '',
    shown: groups['shown'] ?? null,
    notRun: groups['fate'] === undefined ? null : (groups['reason'] ?? ''),
    exitCode: Number(groups['code'] ?? 0),
  }));
  const all = document.match(anyShell)?.length ?? 0;
  if (all !== blocks.length) throw new Error(`${all} shell blocks, of which ${blocks.length} are understood`);
  return blocks;
}
