import { StartError } from '../errors.ts';

export type BindAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** `127.0.0.1:8081`, `[::1]:8081` or `unix:///run/api.sock`. @throws StartError naming the key */
export function parseBindAddress(text: string, key: string): BindAddress {
  if (text.startsWith('unix://')) {
    const path = text.slice('unix://'.length);
    if (path.startsWith('/')) return { kind: 'unix', path };
  }
  const parts = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]/]+):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[2]);
  const host = parts?.[1];
  if (host === undefined || port > 65_535) {
    throw new StartError(
      `${key} is ${JSON.stringify(text)}; it must be host:port, [ipv6]:port or unix:///absolute/path`,
    );
  }
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port };
}

/** Whether only this host can reach the address. */
export function isLocal(address: BindAddress): boolean {
  if (address.kind === 'unix') return true;
  return address.host === 'localhost' || address.host === '::1' || /^127(\.\d{1,3}){3}$/.test(address.host);
}

export function formatBindAddress(address: BindAddress, scheme: 'http' | 'https' = 'http'): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  return `${scheme}://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}
