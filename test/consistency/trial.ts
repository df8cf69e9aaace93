import { execFile } from 'node:child_process';
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkout, type Installation, install } from '../helpers/service.ts';
import { type ServiceInProcess, startInProcess } from '../helpers/service-in-process.ts';
import { findTool, skipWithout } from '../stack/tools.ts';
import type { ShellBlock } from './shell-blocks.ts';

/** What a machine may lack; a block that needs one is skipped there. */
const tools = ['ab', 'jq', 'otelcol', 'promtool'];
/** What is the trial's own, and not the checkout's. */
const own = ['config.toml', 'policy.yaml', 'data', 'keys', 'tls', '.git', '.tap'];

/** What came of a block. */
export interface BlockResult {
  /** What it wrote, to stdout and then to stderr. */
  readonly output: string;
  readonly exitCode: number;
  /** The status that each curl met, in order. */
  readonly answered: readonly number[];
}

/** A checkout with a vault of its own and its service, in which the blocks of a document are run in their order. */
export interface Trial {
  readonly service: ServiceInProcess;
  run(block: ShellBlock): Promise<BlockResult>;
}

export async function startTrial(folder: string, environment: Record<string, string>): Promise<Trial> {
  const installation = await install(folder, environment);
  for (const entry of readdirSync(checkout)) {
    if (!own.includes(entry)) symlinkSync(join(checkout, entry), join(folder, entry));
  }
  // curl reads this before its arguments.
  writeFileSync(join(folder, '.curlrc'), 'silent\nwrite-out = "%{stderr}\\nstatus %{http_code}\\n"\n');
  const service = await startInProcess(installation);
  return { service, run: block => runBlock(block, installation) };
}

/** The `skip` option of a block's test. */
export function skipWithoutTools({ commands }: ShellBlock): string | false {
  const used = tools.filter(tool => new RegExp(`(?:^|[|;(] *)${tool} `, 'm').test(commands));
  return used.map(skipWithout).find(skip => skip !== false) ?? false;
}

function runBlock({ commands }: ShellBlock, installation: Installation): Promise<BlockResult> {
  const { PATH = '' } = process.env;
  const { folder, port, environment } = installation;
  const env = {
    ...environment,
    PATH: `${dirname(findTool('promtool') ?? '')}:${PATH}`,
    CURL_HOME: folder,
  };
  const here = commands.replaceAll('127.0.0.1:8081', `127.0.0.1:${port}`);
  return new Promise(resolve => {
    // Without --norc it reads ~/.bashrc: it takes the socket that Node gives it as stdin for a remote login.
    execFile('bash', ['--norc', '-ec', here], { cwd: folder, env }, (error, stdout, stderr) => {
      const said = stderr.replace(/^\n?status \d+\n/gm, '');
      resolve({
        output: stdout + said,
        exitCode: Number(error?.code ?? 0),
        answered: [...stderr.matchAll(/^status (\d+)$/gm)].map(([, status]) => Number(status)),
      });
    });
  });
}
