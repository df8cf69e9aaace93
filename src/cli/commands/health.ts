import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { type BindAddress, formatBindAddress, parseBindAddress } from '../../config/bind-address.ts';
import { loadConfig } from '../../config/load.ts';
import { tlsFiles } from '../../config/transport.ts';
import { errorMessage } from '../../errors.ts';

/** Milliseconds. Container engines give a health check seconds. */
const patience = 3000;

/** Addresses that stand for every interface, and where such a listener is reached from its own host. */
const loopbackOf: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * `jarvis-secretsd health`: asks the service that the configuration describes whether it can serve. For the health checks
 * of container engines, which have neither a shell nor curl to ask with.
 * @returns the exit code: 0 when `/readyz` answers 200, 1 when it does not
 * @throws StartError when the configuration cannot be used
 */
export async function healthCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  print: (text: string) => void,
): Promise<0 | 1> {
  const config = loadConfig(configFile, environment);
  const address = parseBindAddress(config.server.bind_addr, 'server.bind_addr');
  const scheme = tlsFiles(config) === null ? 'http' : 'https';
  const shown = formatBindAddress(address, scheme);
  const signal = AbortSignal.timeout(patience);
  try {
    const { status, body } = await askReadiness(scheme, address, signal);
    print(`${shown}: ${status} ${body}\n`);
    return status === 200 ? 0 : 1;
  } catch (error) {
    const reason = signal.aborted ? `no answer within ${patience} ms` : errorMessage(error);
    print(`${shown}: ${reason}\n`);
    return 1;
  }
}

async function askReadiness(
  scheme: 'http' | 'https',
  address: BindAddress,
  signal: AbortSignal,
): Promise<{ status: number | undefined; body: string }> {
  const options: RequestOptions = {
    ...destinationOf(address),
    path: '/readyz',
    agent: false,
    signal,
    // The certificate names what clients call the service, not loopback, and nothing secret is sent.
    rejectUnauthorized: false,
  };
  const asked = (scheme === 'https' ? httpsRequest : httpRequest)(options).end();
  const [answer] = await once(asked, 'response');
  return { status: answer.statusCode, body: (await text(answer)).trimEnd() };
}

function destinationOf(address: BindAddress): RequestOptions {
  if (address.kind === 'unix') return { socketPath: address.path };
  return { host: loopbackOf[address.host] ?? address.host, port: address.port };
}
