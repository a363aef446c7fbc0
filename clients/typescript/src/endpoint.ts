/**
 * Where a server is, and whether what is said to it can be overheard.
 */

import { type SecureClientSessionOptions } from "node:http2";

import { type ConnectOptions, type TlsOptions, type Token } from "./connect-options.js";

/** What HTTP/2 connects to. */
export interface Endpoint {
  /** As `http://host:port` or `https://host:port`. */
  readonly url: string;
  readonly tls: SecureClientSessionOptions | undefined;
  readonly token: Token | undefined;
}

/**
 * Where to connect to.
 *
 * @param address - `host:port`, `http://host:port` or `https://host:port`.
 * @throws TypeError - The address is none, contradicts the options, or the token would be sent in
 *   the clear.
 */
export function endpoint(address: string, options: ConnectOptions): Endpoint {
  const scheme = /^(https?):\/\//.exec(address)?.[1];
  const isSecure = options.tls === undefined ? scheme === "https" : options.tls !== false;
  if (scheme !== undefined && isSecure !== (scheme === "https")) {
    throw new TypeError(`the address ${address} contradicts the option tls`);
  }
  const text = scheme === undefined ? `${isSecure ? "https" : "http"}://${address}` : address;
  if (!URL.canParse(text) || new URL(text).pathname !== "/") {
    throw new TypeError(`no address of a server, such as host:port: ${address}`);
  }
  const url = new URL(text);
  const isOverheard = !isSecure && !isLoopback(url.hostname);
  if (options.token !== undefined && isOverheard && options.insecureToken !== true) {
    throw new TypeError(`the token would be sent to ${url.host} in the clear: use tls`);
  }
  const tls = typeof options.tls === "object" ? options.tls : {};
  return {
    url: url.origin,
    tls: isSecure ? sessionOptions(tls) : undefined,
    token: options.token,
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function sessionOptions(tls: TlsOptions): SecureClientSessionOptions {
  const { serverName, ...credentials } = tls;
  const given = Object.entries(credentials).map(([name, pem]) => [name, pem && Buffer.from(pem)]);
  return {
    ...(Object.fromEntries(given) as SecureClientSessionOptions),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}
