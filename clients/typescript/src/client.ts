/**
 * The client: a method per verb of the API.
 */

import { type ConnectOptions, DEFAULT_TARGET } from "./connect-options.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import * as decode from "./decode.js";
import * as encode from "./encode.js";
import { endpoint } from "./endpoint.js";
import { type Run } from "./model.js";
import {
  type ResumeOptions,
  type ResumeStreamOptions,
  type RunOptions,
  type RunStreamOptions,
  type TimeTravelOptions,
  type TimeTravelStreamOptions,
} from "./options.js";
import { PATIENCE } from "./patience.js";
import { EventStream } from "./stream.js";

/**
 * A client of the server at a target. Connects when the first call is made.
 *
 *     const client = connect("127.0.0.1:7070");
 *     const run = await client.run("greeting", { inputData: { name: "Ada" } });
 *     client.close();
 *
 * @param target - `host:port`, `http://host:port`, `https://host:port` or `unix:path`.
 * @throws TypeError - The target is none of that, contradicts the options, or the token would be
 *   sent in the clear.
 */
export function connect(target = DEFAULT_TARGET, options: ConnectOptions = {}): DalsegnoClient {
  const patience = { ...PATIENCE, ...options.patience };
  const connection = new Connection(endpoint(target, options), patience);
  return new DalsegnoClient(connection, options.timeoutMs ?? 30_000);
}

/**
 * Talks to a Dal Segno server; made by `connect`. One for a program is enough.
 *
 * Payloads are plain values: null, booleans, numbers, bigints, strings, arrays, plain objects.
 * Integers beyond ±(2^53 - 1) are bigints, in answers too. What a workflow gives is unknown, or
 * what the caller says it is: `client.run<{ text: string }>(…)`.
 *
 * Every call that changes something has a request id, made by the client unless given. So all
 * calls are repeated while the server is away, and still take effect once.
 *
 * Calls that answer a run at rest (`run`, `resume`, `timeTravel`, `waitRun`) take as long as the
 * run does, unless `timeoutMs` is given. When that has passed, or their signal is aborted, the call
 * ends and the run goes on. A run that failed is an answer and throws nothing.
 *
 * Every call may throw a `DalsegnoError`, and a `PayloadError` if a payload is no JSON. Nothing was
 * changed by a call that was refused.
 */
export class DalsegnoClient extends Controls {
  /** End every call and stream that is open, and the connection. Runs go on. */
  close(): void {
    this.connection.close();
  }

  /** Run a workflow; the run at rest. */
  async run<Result = unknown>(workflowId: string, options: RunOptions = {}): Promise<Run<Result>> {
    const request = {
      ...encode.newRun(workflowId, options),
      output: encode.output(options.output),
    };
    const answer = await this.connection.call((line, rpc) => line.runs.run(request, rpc), options);
    return decode.run(answer.run);
  }

  /**
   * Run a workflow; the run's events. See `run` and `watchRun`.
   *
   * The run starts when the stream is first iterated.
   */
  runStream<Result = unknown>(
    workflowId: string,
    options: RunStreamOptions = {},
  ): EventStream<Result> {
    const request = { ...encode.newRun(workflowId, options), follow: options.follow };
    const subject = { runId: options.runId, lastSequence: 0 };
    return new EventStream(
      this.connection,
      { ...subject, open: (line, rpc) => line.runs.runStream(request, rpc) },
      options,
    );
  }

  /** Start a workflow; the run, as soon as it is durable. See `run`. */
  async startRun<Result = unknown>(
    workflowId: string,
    options: RunOptions = {},
  ): Promise<Run<Result>> {
    const request = {
      ...encode.newRun(workflowId, options),
      output: encode.output(options.output),
    };
    const answer = await this.ask((line, rpc) => line.runs.startRun(request, rpc), options);
    return decode.run(answer.run);
  }

  /** Let a suspended run go on with `resumeData`, or a paused one without; the run at rest. */
  async resume<Result = unknown>(runId: string, options: ResumeOptions = {}): Promise<Run<Result>> {
    const request = { ...encode.resumption(runId, options), output: encode.output(options.output) };
    const answer = await this.connection.call(
      (line, rpc) => line.runs.resume(request, rpc),
      options,
    );
    return decode.run(answer.run);
  }

  /**
   * Let a suspended or paused run go on; its events from there on. See `resume` and `watchRun`.
   *
   * The run goes on when the stream is first iterated.
   */
  resumeStream<Result = unknown>(
    runId: string,
    options: ResumeStreamOptions = {},
  ): EventStream<Result> {
    const request = { ...encode.resumption(runId, options), follow: options.follow };
    return new EventStream(
      this.connection,
      { runId, open: (line, rpc) => line.runs.resumeStream(request, rpc) },
      options,
    );
  }

  /**
   * Make a replay: a new run from a step of an old one. The replay at rest.
   *
   * The source stays as it is. What lies before the step is taken from it.
   *
   * @param runId - The source: ended, suspended or paused. null: a replay without one, which needs
   *   `workflowId`.
   * @param step - The target: address of what to execute from.
   */
  async timeTravel<Result = unknown>(
    runId: string | null,
    step: string,
    options: TimeTravelOptions = {},
  ): Promise<Run<Result>> {
    const request = {
      ...encode.replay(runId, step, options),
      output: encode.output(options.output),
    };
    const answer = await this.connection.call(
      (line, rpc) => line.runs.timeTravel(request, rpc),
      options,
    );
    return decode.run(answer.run);
  }

  /**
   * Make a replay; its events. See `timeTravel` and `watchRun`.
   *
   * The replay is made when the stream is first iterated.
   */
  timeTravelStream<Result = unknown>(
    runId: string | null,
    step: string,
    options: TimeTravelStreamOptions = {},
  ): EventStream<Result> {
    const request = { ...encode.replay(runId, step, options), follow: options.follow };
    const subject = { runId: options.newRunId, lastSequence: 0 };
    return new EventStream(
      this.connection,
      { ...subject, open: (line, rpc) => line.runs.timeTravelStream(request, rpc) },
      options,
    );
  }
}
