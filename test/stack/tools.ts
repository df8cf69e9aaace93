import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const { XDG_CACHE_HOME = join(homedir(), '.cache'), PATH = '', JARVIS_REQUIRE_STACK } = process.env;

/** Where `install-tools` keeps what it has made. */
export const toolsFolder = join(XDG_CACHE_HOME, 'jarvis-secretsd-tools');
const folders = [join(toolsFolder, 'bin'), ...PATH.split(delimiter)];

/** Whether this is the long run, where nothing is skipped and everything is tried as often as it should be. */
export const isCampaign: boolean = JARVIS_REQUIRE_STACK === '1';

/** A tool's file: as `install-tools` built it, or else the machine's own; undefined where there is none. */
export function findTool(name: string): string | undefined {
  return folders.map(folder => join(folder, name)).find(existsSync);
}

/** The oldest promtool that knows the fields of our configuration and the checks of our metrics. */
const oldestPromtool = 3;

/** Whether the tool is too old for these tests: a distribution may have one from years ago. */
function isTooOld(name: string, file: string): boolean {
  if (name !== 'promtool') return false;
  const { stdout, stderr } = spawnSync(file, ['--version'], { encoding: 'utf8' });
  const [, major] = /version v?(\d+)\./.exec(stdout + stderr) ?? [];
  // One that was built from its module, as install-tools does, may name no version.
  return major !== undefined && Number(major) < oldestPromtool;
}

/** The `skip` option of a test that needs the tool. With JARVIS_REQUIRE_STACK=1 nothing is skipped: the test fails. */
export function skipWithout(name: string): string | false {
  if (isCampaign) return false;
  const file = findTool(name);
  if (file !== undefined && !isTooOld(name, file)) return false;
  const newer = file === undefined ? '' : ` ${oldestPromtool} or newer`;
  return `needs ${name}${newer}: run test/stack/install-tools`;
}

/** The `skip` option of a campaign: it takes too long for every `npm test`. */
export const campaignOnly: string | false = isCampaign ? false : 'a campaign: run npm run test:stack';

/** How often a property is tried that is dear to try: what is wrong in general shows in a tenth of the campaign's runs. */
export function runsOf(campaign: number): number {
  return isCampaign ? campaign : campaign / 10;
}

/** Milliseconds that a file of them may take where the machine is busy with others. */
export const stackTimeout = 600_000;
