import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * Where webhooks may go. `public`: over TLS to addresses of the public internet only, so that nobody makes this node speak
 * to its neighbours. `any`: for development; also to this machine, where no TLS is asked for.
 */
export type TargetPolicy = 'public' | 'any';

export const URL_LENGTH_MAX = 2_000;

/** Of IPv4, what is no public address (RFC 6890 and later); of IPv6, all of what is not in the public range, and what is special there. */
const SPECIAL = new BlockList();
for (const [net, bits] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ] as const),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
  ] as const),
  ...([
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ] as const),
] as const) {
  SPECIAL.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  SPECIAL.addSubnet(net, bits, 'ipv6');
}
const PUBLIC_V6 = new BlockList();
PUBLIC_V6.addSubnet('2000::', 3, 'ipv6');

export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !SPECIAL.check(address, 'ipv4');
    case 6:
      return PUBLIC_V6.check(address, 'ipv6') && !SPECIAL.check(address, 'ipv6');
    default:
      return false;
  }
}

/** What is wrong with an address to send to, in words for whoever gave it; null if nothing is, as far as it can be told without asking for the name. */
export function urlFault(text: string, policy: TargetPolicy): string | null {
  const url = text.length > URL_LENGTH_MAX ? null : URL.parse(text);
  if (url === null)
    return `must be an address of at most ${URL_LENGTH_MAX} characters, such as https://example.org/hooks`;
  if (url.username !== '' || url.password !== '') return 'must not contain a user or a password';
  if (url.hash !== '') return 'must not contain a fragment';
  const host = hostOf(url);
  if (policy === 'any' && url.protocol === 'http:' && isThisMachine(host)) return null;
  if (url.protocol !== 'https:') return 'must begin with https://';
  if (policy === 'public' && (isThisMachine(host) || (isIP(host) !== 0 && !isPublicAddress(host)))) {
    return 'must be an address of the public internet';
  }
  return null;
}

/** The host as a name or an address without brackets. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function isThisMachine(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  );
}

/** Asks for a name, and refuses it if any of its addresses is none to send to: the one that is connected to is of these. */
export function guardedLookup(policy: TargetPolicy, lookup: typeof systemLookup = systemLookup): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        done(error, []);
        return;
      }
      if (policy === 'public' && !addresses.every(({ address }) => isPublicAddress(address))) {
        done(new Error(`${host} is not an address of the public internet`), []);
        return;
      }
      if (options.all) done(null, addresses);
      else done(null, addresses[0].address, addresses[0].family);
    });
  };
}
