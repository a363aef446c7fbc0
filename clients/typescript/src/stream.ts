/**
 * Streams of events that outlive their connections.
 */

import { type CallOptions as RpcOptions } from "@connectrpc/connect";

import { Backoff, type Connection } from "./connection.js";
import { decodeEvent } from "./decode-event.js";
import { DalsegnoError, fromRpc } from "./errors.js";
import { type RunEvent, restsRun } from "./events.js";
import { type RunEvent as Message } from "./gen/dalsegno/v1/event_pb.js";
import { type Line } from "./line.js";
import { type StreamOptions } from "./options.js";

/** @internal What a server answers a stream with. */
type Answers = AsyncIterable<{ readonly event?: Message }>;

/** @internal Asks for a run and its events, the same run however often it is called. */
export type Opening = (line: Line, options: RpcOptions) => Answers;

/** @internal What a stream is about. */
export interface Subject {
  /** The run, if it has a name yet. */
  readonly runId?: string | undefined;
  /** Of the newest event the caller has, if that is known. */
  readonly lastSequence?: number | undefined;
  /** What begins the stream; if left out, the run is watched. */
  readonly open?: Opening;
}

/**
 * The events of a run, in order, each exactly once.
 *
 *     for await (const event of client.watchRun(runId)) …
 *
 * A connection that is lost, cut by the server or silent is replaced by another one, which goes on
 * after the last event. Leaving the loop, by `break` or an exception, cancels the call; a further
 * loop over the same stream goes on where the first was left. One loop at a time.
 *
 * Iterating throws a `DalsegnoError`: a refusal; UNAVAILABLE when the server stayed away for too
 * long; EVENT_GAP when events are missing. The stream can be iterated again after UNAVAILABLE.
 */
export class EventStream<Result = unknown> implements AsyncIterable<RunEvent<Result>> {
  readonly #connection: Connection;
  readonly #options: StreamOptions;
  // Needed until the first event has come; from then on the run is watched.
  #open: Opening | undefined;
  readonly #endsAtRest: boolean;
  #runId: string | undefined;
  #lastSequence: number | undefined;
  #isAtRest = false;
  #isOver = false;
  #attachment: Attachment | undefined;
  #backoff: Backoff | undefined;

  /** @internal Made by the client. */
  constructor(connection: Connection, subject: Subject, options: StreamOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#open = subject.open;
    this.#endsAtRest = subject.open !== undefined && options.follow !== true;
    this.#runId = subject.runId;
    this.#lastSequence = subject.lastSequence;
  }

  /** The run; undefined before the first event of a run that has no name yet. */
  get runId(): string | undefined {
    return this.#runId;
  }

  /** Of the newest event delivered; undefined before the first of a resumed run. */
  get lastSequence(): number | undefined {
    return this.#lastSequence;
  }

  /** Goes on where the loop before was left. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent<Result>, void, undefined> {
    const { scope, end } = this.#connection.enter(this.#options.signal);
    const cancel = () => this.#attachment?.cancel();
    scope.addEventListener("abort", cancel);
    try {
      while (!this.#isOver) {
        const message = await this.#receive(scope);
        const event = message && this.#accept(message);
        if (event !== undefined) {
          yield event as RunEvent<Result>;
        }
      }
    } finally {
      this.#detach();
      end();
    }
  }

  /** Cancel the call and end the stream. The run goes on. */
  close(): void {
    this.#isOver = true;
    this.#detach();
  }

  /** The next message; undefined if the call brought none. Another is made unless all is over. */
  async #receive(scope: AbortSignal): Promise<Message | undefined> {
    scope.throwIfAborted();
    const { patience } = this.#connection;
    this.#attachment ??= new Attachment(this.#connection.streams, this.#opening());
    const attachment = this.#attachment;
    try {
      const answer = await attachment.next(patience.silenceMs);
      this.#connection.isKnown = true;
      this.#backoff = undefined;
      this.#isOver ||= answer.done === true;
      return answer.done === true ? undefined : answer.value.event;
    } catch (failure) {
      this.#detach();
      scope.throwIfAborted();
      if (this.#isOver) {
        return undefined; // closed
      }
      if (attachment.isSilent) {
        this.#connection.drop(attachment.line);
      }
      await this.#lose(attachment.isSilent ? silent(patience.silenceMs) : fromRpc(failure), scope);
      return undefined;
    }
  }

  #opening(): Opening {
    const request = {
      runId: this.#runId ?? "",
      afterSequence: BigInt(this.#lastSequence ?? 0),
      follow: this.#options.follow ?? false,
    };
    return this.#open ?? ((line, options) => line.runs.watchRun(request, options));
  }

  #accept(message: Message): RunEvent | undefined {
    if (this.#isAtRest) {
      // Somebody else let the run go on at once. What follows is no longer what was asked for.
      this.#isOver = true;
      return undefined;
    }
    if (message.body.case === "heartbeat") {
      return undefined;
    }
    const sequence = Number(message.sequence);
    const last = this.#lastSequence ?? sequence - 1;
    if (sequence <= last) {
      return undefined;
    }
    if (sequence > last + 1) {
      const text = `event ${sequence} of run ${message.runId} came after ${last}`;
      throw new DalsegnoError(text, "DATA_LOSS", { reason: "EVENT_GAP" });
    }
    const event = decodeEvent(message);
    this.#runId = event.runId;
    this.#lastSequence = sequence;
    this.#open = undefined;
    this.#isAtRest = this.#endsAtRest && restsRun(event);
    return event;
  }

  async #lose(error: unknown, scope: AbortSignal): Promise<void> {
    if (this.#isAtRest) {
      this.#isOver = true;
      return;
    }
    const backoff = this.#backoff ?? new Backoff(this.#connection);
    this.#backoff = undefined;
    await backoff.wait(error, scope);
    this.#backoff = backoff; // kept until the next message: tries without any count together
  }

  #detach(): void {
    this.#attachment?.cancel();
    this.#attachment = undefined;
  }
}

/** One call of a stream. */
class Attachment {
  readonly line: Line;
  /** Whether it was given up for silence. */
  isSilent = false;
  readonly #controller = new AbortController();
  readonly #answers: AsyncIterator<{ readonly event?: Message }>;
  #isCanceled = false;

  constructor(line: Line, open: Opening) {
    this.line = line;
    line.enter();
    const answers = open(line, { signal: this.#controller.signal });
    this.#answers = answers[Symbol.asyncIterator]();
  }

  async next(silenceMs: number): Promise<IteratorResult<{ readonly event?: Message }>> {
    const timer = setTimeout(() => {
      this.isSilent = true;
      this.#controller.abort();
    }, silenceMs);
    try {
      return await this.#answers.next();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Connect's iterators do nothing when a loop is left; only its signal ends the call. */
  cancel(): void {
    if (!this.#isCanceled) {
      this.#isCanceled = true;
      this.#controller.abort();
      this.line.leave();
    }
  }
}

function silent(silenceMs: number): DalsegnoError {
  return new DalsegnoError(`no sign of life for ${silenceMs} ms`, "UNAVAILABLE");
}
