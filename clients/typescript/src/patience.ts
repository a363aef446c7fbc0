/**
 * Patience with a server that goes away.
 */

/** How long a lost server is waited for, in milliseconds; the same for calls and streams. */
export interface Patience {
  /** For a server that has never answered. 0: the first failure is thrown. Default: 5 s. */
  readonly connectMs: number;
  /** Without an answer, event or heartbeat from one that did answer before. Default: 60 s. */
  readonly giveUpMs: number;
  /** Upper end of the first random delay; doubled with each further one. Default: 100 ms. */
  readonly delayMs: number;
  /**
   * Where doubling ends. Thousands of streams that are cut at once come back spread over this
   * time. Default: 5 s.
   */
  readonly delayMaxMs: number;
  /**
   * Without event or heartbeat on an open stream before it is taken for dead. Default: 45 s, three
   * intervals of a server's heartbeat.
   */
  readonly silenceMs: number;
}

/** The defaults of `Patience`. */
export const PATIENCE: Patience = {
  connectMs: 5_000,
  giveUpMs: 60_000,
  delayMs: 100,
  delayMaxMs: 5_000,
  silenceMs: 45_000,
};
