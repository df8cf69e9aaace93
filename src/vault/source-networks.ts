import { BlockList, isIP } from 'node:net';
import { ServiceError } from '../errors.ts';

export const mostSourceNetworks = 32;

/** An IPv4 address as a dual-stack socket shows it (RFC 4291 §2.5.5.2). */
const mappedPrefix = /^::ffff:(?=\d+\.)/i;

/** The networks that a token may be used from; without any, every address will do. */
export class SourceNetworks {
  /** One list a family: Node would take `::/0` for every IPv4 address, too. */
  readonly #lists: Readonly<Record<'ipv4' | 'ipv6', BlockList>> = {
    ipv4: new BlockList(),
    ipv6: new BlockList(),
  };
  readonly #any: boolean;

  /**
   * @param networks addresses or CIDR notation (RFC 4632, RFC 4291 §2.3)
   * @throws ServiceError bad_request for anything else
   */
  constructor(networks: readonly string[]) {
    this.#any = networks.length === 0;
    for (const network of networks) {
      const { address, family, length } = parseNetwork(network);
      this.#lists[family].addSubnet(address, length, family);
    }
  }

  /** @param remoteAddress null for a caller on a unix socket, which has no network */
  allow(remoteAddress: string | null): boolean {
    if (this.#any) return true;
    if (remoteAddress === null) return false;
    const address = remoteAddress.replace(mappedPrefix, '');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    return this.#lists[family].check(address, family);
  }
}

function parseNetwork(text: string): { address: string; family: 'ipv4' | 'ipv6'; length: number } {
  const [, address = '', digits] = /^([0-9A-Fa-f:.]{2,45})(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  const length = Number(digits ?? bits);
  if (version === 0 || length > bits || mappedPrefix.test(address)) {
    throw new ServiceError(
      'bad_request',
      'source_networks holds addresses and networks such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32; IPv4 ones are written as IPv4.',
    );
  }
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', length };
}
