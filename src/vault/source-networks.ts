import { BlockList, isIP } from 'node:net';
import { ServiceError } from '../errors.ts';

export const mostSourceNetworks = 32;

/** Every spelling of an address or network that is taken, as a regular expression. */
export const networkPattern = `^(?:${ipv4()}(?:/(?:[12]?[0-9]|3[0-2]))?|${ipv6()}(?:/(?:[1-9]?[0-9]|1[01][0-9]|12[0-8]))?)$`;
const network = new RegExp(networkPattern);

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
  if (!network.test(text)) {
    throw new ServiceError(
      'bad_request',
      'source_networks holds addresses and networks such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32; IPv4 ones are written as IPv4.',
    );
  }
  const [address = '', digits] = text.split('/');
  const isV4 = isIP(address) === 4;
  return { address, family: isV4 ? 'ipv4' : 'ipv6', length: Number(digits ?? (isV4 ? 32 : 128)) };
}

/** Four decimal octets. */
function ipv4(): string {
  const octet = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
  return `${octet}(?:\\.${octet}){3}`;
}

/** Eight hexadecimal groups, or fewer with `::` for a run of zeros (RFC 4291 §2.2); without IPv4 in the last two. */
function ipv6(): string {
  const group = '[0-9A-Fa-f]{1,4}';
  const shortened = [1, 2, 3, 4, 5, 6].map(
    before => `(?:${group}:){1,${before}}(?::${group}){1,${7 - before}}`,
  );
  return `(?:(?:${group}:){7}${group}|(?:${group}:){1,7}:|:(?:(?::${group}){1,7}|:)|${shortened.join('|')})`;
}
