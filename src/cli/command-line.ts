import { Command } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { systemErrorCode } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import type { Signals } from '../signals.ts';
import { details, rootHelp } from './help.ts';

const defaultConfig = 'config.toml';

/**
 * Runs the command that the arguments name.
 * @param args without the program
 * @throws what the command throws
 */
export async function runCommandLine(args: readonly string[], signals: Signals): Promise<void> {
  const program = commands(signals);
  if (args.length === 0) {
    program.outputHelp();
    process.exitCode = exitCode('refused');
    return;
  }
  await program.parseAsync(withCommand(args), { from: 'user' });
}

/**
 * `--config FILE` alone has always started the service, and `--check-config` is a command in the form of an option. Commander's
 * own `help` knows no commands of commands.
 */
function withCommand(args: readonly string[]): string[] {
  if (args[0] === 'help' && args.length > 2) return [...args.slice(1), '--help'];
  const rest = [...args];
  const config: string[] = [];
  let isCheck = false;
  for (
    let [first] = rest;
    first !== undefined && /^--(config|config=.*|check-config)$/s.test(first);
    [first] = rest
  ) {
    if (first === '--check-config') isCheck = rest.shift() !== undefined;
    else config.push(...rest.splice(0, first === '--config' ? 2 : 1));
  }
  if (isCheck) return ['check-config', ...config, ...rest];
  return rest.length === 0 ? ['start', ...config] : [...args];
}

/** Each command imports what it runs: the server's libraries would slow down every other one. */
function commands(signals: Signals): Command {
  let isService = false;
  process.stdout.on('error', (error: Error) => {
    // A reader such as `head` has read enough; and what the log loses, the service counts.
    if (isService || systemErrorCode(error) === 'EPIPE') return;
    process.stderr.write(`jarvis-secretsd: cannot write the output: ${error.message}\n`);
    process.once('exit', code => {
      if (code === exitCode('success')) process.exitCode = exitCode('temporary');
    });
  });
  const program = new Command('jarvis-secretsd')
    .description('A secrets service for one host or one team.')
    .version(packageFile.version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    // Commander would end a wrong use with 1, which some commands give a meaning of its own.
    .exitOverride(error => process.exit(error.exitCode === 0 ? exitCode('success') : exitCode('refused')))
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'jarvis-secretsd: ')),
    })
    .showHelpAfterError("Run 'jarvis-secretsd help' to see the commands.")
    .hook('preAction', (_program, command) => {
      isService = command.name() === 'start';
      if (!isService) signals.release();
    })
    .option('--config <file>', 'the configuration file', defaultConfig)
    .option('--check-config', 'the same as the command check-config')
    .addHelpText('after', rootHelp);

  program
    .command('start')
    .description('start the service; the same as --config FILE without a command')
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText('after', details('start --config config.toml', 'docs/CONFIGURATION.md'))
    .action(async (_options: object, command: Command) => {
      const { config: file } = command.optsWithGlobals<{ config: string }>();
      const { loadConfig } = await import('../config/load.ts');
      const config = loadConfig(file, process.env);
      const { serve } = await import('../main.ts');
      await serve(config, file, signals);
    });

  program
    .command('check-config')
    .description(
      'say whether the service could start with the configuration, the policy and the certificates',
    )
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText('after', details('check-config --config config.toml', 'docs/CONFIGURATION.md'))
    .action(async (_options: object, command: Command) => {
      const { config } = command.optsWithGlobals<{ config: string }>();
      const { checkConfigCommand } = await import('./commands/check-config.ts');
      process.stdout.write(checkConfigCommand(config, process.env, process.geteuid?.() ?? null));
    });

  program
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`${packageFile.version}\n`);
    });

  const audit = program.command('audit').description('the audit log');
  audit
    .command('verify')
    .description('prove that the audit log is whole: chain, signatures, segments; exit 0 only when all holds')
    .argument('[folder]', 'the folder of segments; needs --public-key')
    .option(
      '--public-key <file>',
      'check a folder with the key that `audit key` prints, without configuration, vault and master key',
    )
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText('after', details('audit verify --config config.toml', 'docs/AUDIT.md'))
    .action(async (folder: string | undefined, options: { publicKey?: string }, command: Command) => {
      const print = (text: string) => void process.stdout.write(text);
      if ((folder === undefined) !== (options.publicKey === undefined)) {
        command.error(
          'error: a folder and --public-key belong together: audit verify --public-key FILE FOLDER',
        );
      }
      if (folder !== undefined && options.publicKey !== undefined) {
        const { verifyWithPublicKey } = await import('./commands/audit-verify-public.ts');
        process.exitCode = await verifyWithPublicKey(options.publicKey, folder, print);
        return;
      }
      const { verifyAuditCommand } = await import('./commands/audit-verify.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      process.exitCode = await verifyAuditCommand(config, process.env, print);
    });
  audit
    .command('key')
    .description(
      'print the public key that signs the audit log, as PEM: for audit verify --public-key on any machine',
    )
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText('after', details('audit key --config config.toml > audit-key.pem', 'docs/AUDIT.md'))
    .action(async (_options: object, command: Command) => {
      const { auditKeyCommand } = await import('./commands/audit-key.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      process.stdout.write(await auditKeyCommand(config, process.env));
    });
  audit
    .command('accept-loss')
    .description(
      'offline: continue with a damaged or incomplete audit log, and record permanently what is missing. It shows the losses and asks first; exit 1 when nothing was accepted',
    )
    .requiredOption('--reason <text>', 'why the loss is accepted, for the permanent record')
    .option('--yes', 'accept without a question', false)
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText(
      'after',
      details("audit accept-loss --reason 'the disk failed' --config config.toml", 'docs/AUDIT.md'),
    )
    .action(async (_options: object, command: Command) => {
      const { acceptLossCommand } = await import('./commands/audit-accept-loss.ts');
      const { config, reason, yes } = command.optsWithGlobals<{
        config: string;
        reason: string;
        yes: boolean;
      }>();
      const { askAt } = await import('./question.ts');
      const { stdin, stdout } = process;
      process.exitCode = await acceptLossCommand(
        config,
        process.env,
        { reason, yes },
        { print: text => void stdout.write(text), ask: question => askAt(stdin, stdout, question) },
      );
    });

  program
    .command('check')
    .description(
      'read and open everything: rows, values, indexes, seal, audit log; exit 0 only when all holds',
    )
    .option('--accept <id>', 'offline: go on with the vault as it is, under the id that the check printed')
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText('after', details('check --config config.toml', 'docs/RUNBOOK.md'))
    .action(async ({ accept }: { accept?: string }, command: Command) => {
      const { acceptCommand, checkCommand } = await import('./commands/check.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      const output = {
        print: (text: string) => process.stdout.write(text),
        tell: (text: string) => process.stderr.write(text),
      };
      process.exitCode =
        accept === undefined
          ? await checkCommand(config, process.env, output)
          : await acceptCommand(config, process.env, accept, output);
    });

  program
    .command('health')
    .description('ask the running service whether it can serve; exit 0 only when it can')
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText('after', details('health --config config.toml', 'docs/CONTAINERS.md'))
    .action(async (_options: object, command: Command) => {
      const { healthCommand } = await import('./commands/health.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      process.exitCode = await healthCommand(config, process.env, text => process.stdout.write(text));
    });

  program
    .command('token')
    .description('bearer tokens')
    .command('bootstrap')
    .description(
      'offline: put a token that may only manage tokens, for 24 hours, into paths.bootstrap_token_path',
    )
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText('after', details('token bootstrap --config config.toml', 'docs/API.md'))
    .action(async (_options: object, command: Command) => {
      const { bootstrapTokenCommand } = await import('./commands/token-bootstrap.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      const complain = (text: string) => process.stderr.write(text);
      process.stdout.write(await bootstrapTokenCommand(config, process.env, complain));
    });

  program
    .command('clock')
    .description('the clock')
    .command('confirm')
    .description(
      'say that the clock of this host is right, where the service doubts it: rotations and destruction go on. Run it as the user of the service',
    )
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText('after', details('clock confirm --config config.toml', 'docs/RUNBOOK.md'))
    .action(async (_options: object, command: Command) => {
      const { confirmClockCommand } = await import('./commands/clock-confirm.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      const complain = (text: string) => process.stderr.write(text);
      process.stdout.write(await confirmClockCommand(config, process.env, complain));
    });

  program
    .command('policy')
    .description('the policy')
    .command('test')
    .description(
      'say what the policy file decides, and by which rule. Exit code 0: allowed; 1: denied; 2: the configuration, the policy or the question cannot be used',
    )
    .argument('<client>', 'the name of a client')
    .argument('<action>', 'read, list, create, update, delete, rotate, purge or admin')
    .argument('<name>', "a secret's name")
    .option('--config <file>', 'the configuration file', defaultConfig)
    .addHelpText(
      'after',
      details('policy test web read app/db/password --config config.toml', 'docs/POLICY.md'),
    )
    .action(async (client: string, action: string, name: string, _options: object, command: Command) => {
      const { testPolicyCommand } = await import('./commands/policy-test.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      const print = (text: string) => process.stdout.write(text);
      process.exitCode = testPolicyCommand({ client, action, name }, config, process.env, print);
    });
  return program;
}
