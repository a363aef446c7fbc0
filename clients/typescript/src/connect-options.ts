/**
 * What `connect` takes.
 */

import { type Patience } from "./patience.js";

/** Where a server listens unless told otherwise. */
export const DEFAULT_TARGET = "127.0.0.1:7070";

/** How to trust a server, and how to be trusted. PEM, as text or bytes. */
export interface TlsOptions {
  /** Certificates of the authorities to trust. Default: those of Node.js. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's own certificates. Default: none. */
  readonly cert?: string | Uint8Array | undefined;
  /** Key of the client's own certificate. */
  readonly key?: string | Uint8Array | undefined;
  /** Name that the server's certificate must have. Default: the host of the target. */
  readonly serverName?: string | undefined;
}

/** A token, or what gets one for each call: tokens expire. */
export type Token = string | (() => string | Promise<string>);

/** How to connect to a server. */
export interface ConnectOptions {
  /** Whether to use TLS, and how. Default: only for targets that begin with `https://`. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** Sent with every call as `authorization: Bearer …`. Default: none. */
  readonly token?: Token | undefined;
  /** Whether a token may be sent without TLS to another machine. Default: false. */
  readonly allowPlaintextToken?: boolean | undefined;
  /** Milliseconds for calls that need not wait for a run, with all repetitions. Default: 30 s. */
  readonly timeoutMs?: number | undefined;
  /** With a server that goes away. Default: `PATIENCE`, in whatever is left out. */
  readonly patience?: Partial<Patience> | undefined;
}
