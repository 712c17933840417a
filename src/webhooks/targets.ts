import { type LookupAddress, type LookupOptions, Resolver, lookup as systemLookup } from 'node:dns';
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

type Found = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;
/** All addresses of a name. */
type Lookup = (host: string, options: LookupOptions, done: Found) => void;

const hostsLookup: Lookup = (host, options, done) => systemLookup(host, { ...options, all: true }, done);

/** Of one question for a name, and how often it is asked: less in all than a delivery may take. */
const NAME_LIMITS = { timeout: 3_000, tries: 2 } as const;

/**
 * Finds all addresses of a name by asking the name servers. The system's look-up would do so in one of a few threads, in which
 * the look-ups for payments and mail wait too: whoever has names that nobody answers for could keep all of them.
 */
export function askedLookup(resolver: Pick<Resolver, 'resolve4' | 'resolve6'> = new Resolver(NAME_LIMITS)): Lookup {
  return (host, _options, done) => {
    const found: LookupAddress[][] = [];
    let failure: NodeJS.ErrnoException | null = null;
    const told = (family: 4 | 6) => (error: NodeJS.ErrnoException | null, addresses: string[]) => {
      failure ??= error;
      // Of a name that has addresses of one family only, the question for the other fails.
      found.push(error === null ? addresses.map((address) => ({ address, family })) : []);
      if (found.length < 2) return;
      const all = found.flat().sort((a, b) => a.family - b.family);
      done(all.length === 0 ? (failure ?? new Error(`${host} has no address`)) : null, all);
    };
    resolver.resolve4(host, told(4));
    resolver.resolve6(host, told(6));
  };
}

/** Asks for a name, and refuses it if any of its addresses is none to send to: the one that is connected to is of these. */
export function guardedLookup(
  policy: TargetPolicy,
  lookup = policy === 'public' ? askedLookup() : hostsLookup,
): LookupFunction {
  return (host, options, done) => {
    lookup(host, options, (error, addresses) => {
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
