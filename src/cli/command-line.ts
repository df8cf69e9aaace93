import { Command } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { exitCode } from '../exit-codes.ts';
import type { Signals } from '../signals.ts';

const defaultConfig = 'config.toml';

/**
 * Runs the command that the arguments name.
 * @throws what the command throws
 */
export async function runCommandLine(argv: readonly string[], signals: Signals): Promise<void> {
  await commands(signals).parseAsync(argv);
}

/** Each command imports what it runs: the server's libraries would slow down every other one. */
function commands(signals: Signals): Command {
  const program = new Command('jarvis-secretsd')
    .description('A secrets service for one host or one team.')
    .version(packageFile.version)
    // Commander would end a wrong use with 1, which some commands give a meaning of its own.
    .exitOverride(error => process.exit(error.exitCode === 0 ? exitCode('success') : exitCode('refused')))
    .hook('preAction', (_program, command) => {
      if (command !== program || program.opts<{ checkConfig?: boolean }>().checkConfig) signals.release();
    })
    .option('--config <file>', 'the configuration file', defaultConfig)
    .option('--check-config', 'say whether configuration and policy can be used, and exit')
    .action(async (options: { config: string; checkConfig?: boolean }) => {
      if (options.checkConfig) {
        const { checkConfigCommand } = await import('./commands/check-config.ts');
        process.stdout.write(checkConfigCommand(options.config, process.env, process.geteuid?.() ?? null));
        return;
      }
      const { loadConfig } = await import('../config/load.ts');
      const config = loadConfig(options.config, process.env);
      const { serve } = await import('../main.ts');
      await serve(config, options.config, signals);
    });

  const audit = program.command('audit').description('the audit log');
  audit
    .command('verify')
    .description('prove that the audit log is whole: chain, signatures, segments; exit 0 only when all holds')
    .option('--config <file>', 'the configuration file', defaultConfig)
    .action(async (_options: object, command: Command) => {
      const { verifyAuditCommand } = await import('./commands/audit-verify.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      process.exitCode = await verifyAuditCommand(config, process.env, text => process.stdout.write(text));
    });
  audit
    .command('accept-loss')
    .description(
      'offline: continue with a damaged or incomplete audit log, and record permanently what is missing. It shows the losses and asks first; exit 1 when nothing was accepted',
    )
    .requiredOption('--reason <text>', 'why the loss is accepted, for the permanent record')
    .option('--yes', 'accept without a question', false)
    .option('--config <file>', 'the configuration file', defaultConfig)
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
    .description('say what the policy file decides, and by which rule; exit 0 allowed, 1 denied, 2 no saying')
    .argument('<client>')
    .argument('<action>', 'read, list, create, update, delete, rotate, purge or admin')
    .argument('<name>', "a secret's name")
    .option('--config <file>', 'the configuration file', defaultConfig)
    .action(async (client: string, action: string, name: string, _options: object, command: Command) => {
      const { testPolicyCommand } = await import('./commands/policy-test.ts');
      const { config } = command.optsWithGlobals<{ config: string }>();
      const print = (text: string) => process.stdout.write(text);
      process.exitCode = testPolicyCommand({ client, action, name }, config, process.env, print);
    });
  return program;
}
