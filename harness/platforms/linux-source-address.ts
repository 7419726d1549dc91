/**
 * The preferred source of the route `local 127.0.0.0/8 dev lo` is 127.0.0.1, whichever of its addresses
 * is the destination. Source: net/ipv4/route.c:ip_route_output_key_hash_rcu (fib_prefsrc).
 */
export function linuxSourceAddress(destination: string): string {
  return destination.startsWith('127.') ? '127.0.0.1' : destination
}
