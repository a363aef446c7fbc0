/**
 * The verbs that only read.
 */

import { type Connection, type Invocation } from "./connection.js";
import * as decode from "./decode.js";
import { decodeEvent } from "./decode-event.js";
import * as encode from "./encode.js";
import { type RunEvent } from "./events.js";
import { type LineageRun, type Run, type Step, type Workflow } from "./model.js";
import {
  type AnswerOptions,
  type CallOptions,
  type ListEventsOptions,
  type ListOptions,
  type ListRunsOptions,
  type WatchRunOptions,
} from "./options.js";
import { EventStream } from "./stream.js";

/** The half of `DalsegnoClient` that changes nothing. Every call may throw a `DalsegnoError`. */
export class Reads {
  /** @internal */
  protected readonly connection: Connection;
  readonly #timeoutMs: number;

  /** @internal Made by `connect`. */
  constructor(connection: Connection, timeoutMs: number) {
    this.connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  /** A run as it is now. */
  async getRun<Result = unknown>(runId: string, options: AnswerOptions = {}): Promise<Run<Result>> {
    const request = { runId, output: encode.output(options.output) };
    const answer = await this.ask((line, rpc) => line.runs.getRun(request, rpc), options);
    return decode.run(answer.run);
  }

  /**
   * A run, once it is at rest: ended, suspended or paused.
   *
   * @throws DalsegnoError - DEADLINE_EXCEEDED: it was not at rest after `timeoutMs` (default: no
   *   limit). It goes on.
   */
  async waitRun<Result = unknown>(
    runId: string,
    options: AnswerOptions = {},
  ): Promise<Run<Result>> {
    const request = { runId, output: encode.output(options.output) };
    const wait: Invocation<{ run?: Parameters<typeof decode.run>[0] }> = (line, rpc) =>
      line.runs.waitRun(request, rpc);
    return decode.run((await this.connection.call(wait, options)).run);
  }

  /**
   * The events of a run after a sequence, those of the past first.
   *
   * The stream ends when the run is at rest; with `follow` it stays open while the run is
   * suspended or paused, until it has ended.
   */
  watchRun<Result = unknown>(runId: string, options: WatchRunOptions = {}): EventStream<Result> {
    const lastSequence = options.afterSequence ?? 0;
    return new EventStream(this.connection, { runId, lastSequence }, options);
  }

  /** Runs that match every filter given, newest first, without steps and state. */
  listRuns(options: ListRunsOptions = {}): AsyncGenerator<Run, void, undefined> {
    const filters = encode.runFilters(options);
    return this.#pages(
      options,
      (pageToken) => (line, rpc) => line.runs.listRuns({ ...filters, pageToken }, rpc),
      (answer) => answer.runs.map((run) => decode.run(run)),
    );
  }

  /** The records of a run with all their payloads, in execution order, reused ones first. */
  listSteps(runId: string, options: ListOptions = {}): AsyncGenerator<Step, void, undefined> {
    const { pageSize } = options;
    return this.#pages(
      options,
      (pageToken) => (line, rpc) => line.runs.listSteps({ runId, pageSize, pageToken }, rpc),
      (answer) => answer.steps.map(decode.step),
    );
  }

  /** The stored events of a run after a sequence, oldest first. Does not wait for more. */
  listEvents(
    runId: string,
    options: ListEventsOptions = {},
  ): AsyncGenerator<RunEvent, void, undefined> {
    const { pageSize } = options;
    const afterSequence = BigInt(options.afterSequence ?? 0);
    return this.#pages(
      options,
      (pageToken) => (line, rpc) =>
        line.runs.listEvents({ runId, afterSequence, pageSize, pageToken }, rpc),
      (answer) => answer.events.map((event) => decodeEvent(event)),
    );
  }

  /** The whole tree of runs a run belongs to: parents before children, oldest first. */
  async getLineage(runId: string, options: CallOptions = {}): Promise<LineageRun[]> {
    const pages = this.#pages(
      options,
      (pageToken) => (line, rpc) => line.runs.getLineage({ runId, pageToken }, rpc),
      (answer) => answer.runs.map(decode.lineageRun),
    );
    const runs: LineageRun[] = [];
    for await (const run of pages) {
      runs.push(run);
    }
    return runs;
  }

  /** The workflows the server executes, by id, without schemas and nodes. */
  listWorkflows(options: ListOptions = {}): AsyncGenerator<Workflow, void, undefined> {
    const { pageSize } = options;
    return this.#pages(
      options,
      (pageToken) => (line, rpc) => line.workflows.listWorkflows({ pageSize, pageToken }, rpc),
      (answer) => answer.workflows.map(decode.workflow),
    );
  }

  /** A workflow with its schemas and its graph. */
  async getWorkflow(workflowId: string, options: CallOptions = {}): Promise<Workflow> {
    const invoke: Invocation<{ workflow?: Parameters<typeof decode.workflow>[0] }> = (line, rpc) =>
      line.workflows.getWorkflow({ workflowId }, rpc);
    return decode.workflow((await this.ask(invoke, options)).workflow);
  }

  /** @internal A call that need not wait for a run. */
  protected ask<Answer>(invoke: Invocation<Answer>, options: CallOptions): Promise<Answer> {
    return this.connection.call(invoke, this.timed(options));
  }

  /** @internal The options, with the time that calls have which need not wait for a run. */
  protected timed({ signal, timeoutMs }: CallOptions): CallOptions {
    return { signal, timeoutMs: timeoutMs ?? this.#timeoutMs };
  }

  async *#pages<Answer extends { readonly nextPageToken: string }, Item>(
    options: CallOptions,
    page: (pageToken: string) => Invocation<Answer>,
    items: (answer: Answer) => Item[],
  ): AsyncGenerator<Item, void, undefined> {
    let pageToken = "";
    do {
      const answer = await this.ask(page(pageToken), options);
      yield* items(answer);
      pageToken = answer.nextPageToken;
    } while (pageToken !== "");
  }
}
