/**
 * Where a server is, and whether what is said to it can be overheard.
 */

import { type ClientSessionOptions, type SecureClientSessionOptions } from "node:http2";
import { connect } from "node:net";

import { type ConnectOptions, type TlsOptions, type Token } from "./connect-options.js";

/** What HTTP/2 connects to. */
export interface Endpoint {
  /** As `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** How it is connected to. */
  readonly session: ClientSessionOptions | SecureClientSessionOptions;
  /** What is sent with every call. */
  readonly token: Token | undefined;
}

/**
 * Where to connect to.
 *
 * @param target - `host:port`, `http://host:port`, `https://host:port` or `unix:path`.
 * @throws TypeError - The target is none of that, contradicts the options, or the token would be
 *   sent in the clear.
 */
export function endpoint(target: string, options: ConnectOptions): Endpoint {
  const scheme = /^(https?:\/\/|unix:)/.exec(target)?.[0];
  const isSecure = options.tls === undefined ? scheme === "https://" : options.tls !== false;
  if (scheme !== undefined && isSecure !== (scheme === "https://")) {
    throw new TypeError(`the target ${target} contradicts the option tls`);
  }
  const token = options.token;
  if (scheme === "unix:") {
    const createConnection = () => connect(target.slice(scheme.length));
    return { url: "http://localhost", session: { createConnection }, token };
  }
  const text = scheme === undefined ? `${isSecure ? "https" : "http"}://${target}` : target;
  if (!URL.canParse(text) || new URL(text).pathname !== "/") {
    throw new TypeError(`no target such as host:port: ${target}`);
  }
  const url = new URL(text);
  const isOverheard = !isSecure && !isLoopback(url.hostname);
  if (token !== undefined && isOverheard && options.allowPlaintextToken !== true) {
    throw new TypeError(`the token would be sent to ${url.host} in the clear: use tls`);
  }
  const tls = typeof options.tls === "object" ? options.tls : {};
  return { url: url.origin, session: isSecure ? sessionOptions(tls) : {}, token };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function sessionOptions(tls: TlsOptions): SecureClientSessionOptions {
  const pem = (given: string | Uint8Array | undefined) => given && Buffer.from(given);
  const { ca, cert, key, serverName } = tls;
  const given = { ca: pem(ca), cert: pem(cert), key: pem(key), servername: serverName };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present);
}
