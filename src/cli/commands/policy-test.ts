import { loadConfig } from '../../config/load.ts';
import { StartError } from '../../errors.ts';
import { actions, isAction } from '../../policy/actions.ts';
import type { Decision } from '../../policy/policy.ts';
import { loadPolicy } from '../../policy/policy-file.ts';
import { checkName } from '../../vault/names.ts';

export interface PolicyQuestion {
  readonly client: string;
  readonly action: string;
  readonly name: string;
}

/**
 * `jarvis-secretsd policy test <client> <action> <name>`: what the policy file decides, offline, and by which rule.
 * @returns the exit code: 0 allowed, 1 denied
 * @throws StartError or ServiceError when there is no saying: config or policy cannot be used, or the question is none
 */
export function testPolicyCommand(
  { client, action, name }: PolicyQuestion,
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  print: (text: string) => void,
): 0 | 1 {
  if (!isAction(action)) {
    throw new StartError(`unknown action ${JSON.stringify(action)}; known are ${actions.join(', ')}`);
  }
  checkName(name);
  const file = loadConfig(configFile, environment).security.rbac_policy_path;
  const decision = loadPolicy(file).policy.explain(client, action, name);
  print(`${decision.allowed ? 'allowed' : 'denied'}: ${why(decision, client, file)}\n`);
  return decision.allowed ? 0 : 1;
}

function why({ reason, rule }: Decision, client: string, file: string): string {
  if (rule !== null) {
    const text = rule.action === null ? rule.pattern : `${rule.action} ${rule.pattern}`;
    const precedence = rule.effect === 'deny' ? '; a deny rule wins over every allow rule' : '';
    return `${file}:${rule.line}: ${rule.source}.${rule.effect} has "${text}"${precedence}`;
  }
  if (reason === 'unknown_client') return `${file}: there is no client ${JSON.stringify(client)}`;
  return `${file}: no rule for ${client} allows it, and what no rule allows is denied`;
}
