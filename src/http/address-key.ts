const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What stands for an address where requests are counted: an IPv4 address itself, also where it comes IPv4-mapped
 * (RFC 4291 §2.5.5.2), and of IPv6 the /64, which is the least that one customer is given (RFC 6177).
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  return mapped.exec(address)?.[1] ?? `${networkOf(address).join(':')}::/64`;
}

/** The first four groups, `::` spelled out. */
function networkOf(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const zeros = Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  return [...front, ...zeros, ...back].slice(0, 4).map(group => Number.parseInt(group, 16).toString(16));
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
