/**
 * The connection to a server, and patience with a server that goes away.
 */

import { setTimeout as sleep } from "node:timers/promises";

import { type CallOptions as RpcOptions } from "@connectrpc/connect";

import { type Endpoint } from "./endpoint.js";
import { DalsegnoError, fromRpc } from "./errors.js";
import { Line } from "./line.js";
import { type CallOptions } from "./options.js";
import { type Patience } from "./patience.js";

/** A unary method, with its request. */
export type Invocation<Answer> = (line: Line, options: RpcOptions) => Promise<Answer>;

/** Two lines to one server: one for calls, one for streams, which could starve them. */
export class Connection {
  readonly patience: Patience;
  /** Whether the server has ever answered. */
  isKnown = false;
  readonly #endpoint: Endpoint;
  readonly #calls: Line;
  #streams: Line;
  readonly #scopes = new Set<AbortController>();
  #isClosed = false;

  constructor(endpoint: Endpoint, patience: Patience) {
    this.patience = patience;
    this.#endpoint = endpoint;
    this.#calls = new Line(endpoint);
    this.#streams = new Line(endpoint);
  }

  /** The line to open a stream on. */
  get streams(): Line {
    return this.#streams;
  }

  /**
   * Open further streams on a new line, because this one is silent. Streams that are still on it
   * stay there: they may be well, if it is silent for being full.
   */
  drop(line: Line): void {
    if (line === this.#streams) {
      this.#streams = new Line(this.#endpoint);
      line.retire();
    }
  }

  /**
   * Make a unary call, and repeat it while the server is away.
   *
   * Safe for every call that only reads, or whose request has an id.
   *
   * @throws DalsegnoError - The refusal, or the last failure when time or patience ran out.
   */
  async call<Answer>(invoke: Invocation<Answer>, options: CallOptions): Promise<Answer> {
    return (await this.#repeat(invoke, options)) as Answer;
  }

  /**
   * Like `call`, for requests without an id.
   *
   * @param settledBy - How a repetition is refused if an earlier try took effect.
   * @returns The answer; undefined if an earlier try took effect, and its answer got lost.
   */
  async settle<Answer>(
    invoke: Invocation<Answer>,
    options: CallOptions,
    settledBy: string,
  ): Promise<Answer | undefined> {
    return this.#repeat(invoke, options, settledBy);
  }

  /**
   * Do something with a signal that is aborted with the caller's, and when the client is closed.
   *
   * @throws The signal's reason, or UNAVAILABLE if the client was closed.
   */
  async during<T>(
    signal: AbortSignal | undefined,
    body: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { scope, end } = this.enter(signal);
    try {
      return await body(scope);
    } finally {
      end();
    }
  }

  /** Like `during`, for what does not end where it begins. `end` must be called. */
  enter(signal: AbortSignal | undefined): { scope: AbortSignal; end: () => void } {
    const scope = new AbortController();
    const abort = () => {
      scope.abort(signal?.reason);
    };
    // Not AbortSignal.any: on Node 20 what it makes is kept as long as the caller's signal lives.
    signal?.addEventListener("abort", abort, { once: true });
    this.#scopes.add(scope);
    if (this.#isClosed) {
      scope.abort(closed());
    } else if (signal?.aborted) {
      abort();
    }
    const end = () => {
      signal?.removeEventListener("abort", abort);
      this.#scopes.delete(scope);
    };
    return { scope: scope.signal, end };
  }

  /** End every call and stream, and both sessions. */
  close(): void {
    this.#isClosed = true;
    for (const scope of this.#scopes) {
      scope.abort(closed());
    }
    this.#calls.close();
    this.#streams.close();
  }

  #repeat<Answer>(
    invoke: Invocation<Answer>,
    options: CallOptions,
    settledBy?: string,
  ): Promise<Answer | undefined> {
    return this.during(options.signal, async (scope) => {
      const backoff = new Backoff(this, options.timeoutMs);
      for (;;) {
        scope.throwIfAborted();
        try {
          const timeoutMs = backoff.leftMs();
          const answer = await invoke(this.#calls, { signal: scope, timeoutMs });
          this.isKnown = true;
          return answer;
        } catch (failure) {
          scope.throwIfAborted();
          const error = fromRpc(failure);
          if (backoff.tries > 0 && error instanceof DalsegnoError && error.reason === settledBy) {
            return undefined;
          }
          await backoff.wait(error, scope);
        }
      }
    });
  }
}

/** Waits between the tries of one call or stream: exponential, with full jitter. */
export class Backoff {
  /** How many have failed since the server last answered. */
  tries = 0;
  readonly #connection: Connection;
  readonly #since = performance.now();
  readonly #timeoutMs: number;

  constructor(connection: Connection, timeoutMs = Infinity) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  /** What is left of the time given for the whole call; undefined without limit. */
  leftMs(): number | undefined {
    if (this.#timeoutMs === Infinity) {
      return undefined;
    }
    // Connect writes the number as it is, and takes 0 for no limit; gRPC wants at most 8 digits.
    return Math.min(Math.max(1, Math.ceil(this.#leftMs())), 99_999_999);
  }

  /**
   * Wait before the next try.
   *
   * @throws DalsegnoError - *error*, if it will not pass, or if the wait would be longer than
   *   patience or the time given.
   */
  async wait(error: unknown, scope: AbortSignal): Promise<void> {
    if (!(error instanceof DalsegnoError)) {
      throw error;
    }
    const { delayMs, delayMaxMs } = this.#connection.patience;
    const willPass = error.code === "UNAVAILABLE" || error.code === "CANCELLED";
    if (!willPass || error.reason !== "") {
      this.#connection.isKnown = true;
    }
    const longestMs = Math.min(delayMaxMs, delayMs * 2 ** this.tries);
    const waitMs = Math.max(Math.random() * longestMs, error.retryDelayMs);
    if (!willPass || waitMs > this.#leftMs() || waitMs > this.#patienceMs()) {
      throw error;
    }
    this.tries += 1;
    await sleep(waitMs, undefined, { signal: scope }).catch(() => {
      scope.throwIfAborted();
    });
  }

  #leftMs(): number {
    return this.#timeoutMs - (performance.now() - this.#since);
  }

  #patienceMs(): number {
    const { giveUpMs, connectMs } = this.#connection.patience;
    const limitMs = this.#connection.isKnown ? giveUpMs : connectMs;
    return limitMs - (performance.now() - this.#since);
  }
}

function closed(): DalsegnoError {
  return new DalsegnoError("the client was closed", "UNAVAILABLE");
}
