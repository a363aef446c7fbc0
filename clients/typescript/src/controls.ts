/**
 * The verbs that stop runs, let dead ones go on, and delete them.
 */

import * as decode from "./decode.js";
import * as encode from "./encode.js";
import { type Restarted, type Run } from "./model.js";
import {
  type AnswerOptions,
  type CallOptions,
  type RestartActiveOptions,
  type StopOptions,
} from "./options.js";
import { Reads } from "./reads.js";

/** Calls about a run as a whole. Every call may throw a `DalsegnoError`. */
export class Controls extends Reads {
  /** End a run as canceled; the run. One that is canceled already is answered as it is. */
  async cancel<Result = unknown>(runId: string, options: StopOptions = {}): Promise<Run<Result>> {
    const request = stop(runId, options);
    const answer = await this.ask((line, rpc) => line.runs.cancel(request, rpc), options);
    return decode.run(answer.run);
  }

  /**
   * Ask a run to stop between two steps; the run as it is, maybe still running.
   *
   * `waitRun` tells when it has stopped, `resume` lets it go on.
   */
  async pause<Result = unknown>(runId: string, options: StopOptions = {}): Promise<Run<Result>> {
    const request = stop(runId, options);
    const answer = await this.ask((line, rpc) => line.runs.pause(request, rpc), options);
    return decode.run(answer.run);
  }

  /**
   * Let a run go on whose server died; the run at rest.
   *
   * Servers do this by themselves; the call asks for it now.
   */
  async restart<Result = unknown>(
    runId: string,
    options: AnswerOptions = {},
  ): Promise<Run<Result>> {
    const request = { runId, output: encode.output(options.output) };
    const answer = await this.connection.settle(
      (line, rpc) => line.runs.restart(request, rpc),
      options,
      "RUN_ACTIVE",
    );
    return answer === undefined ? this.waitRun(runId, options) : decode.run(answer.run);
  }

  /** Restart every run that a dead server left unfinished, or those of one workflow. */
  async restartActive(options: RestartActiveOptions = {}): Promise<Restarted> {
    const { workflowId } = options;
    return decode.restarted(
      await this.ask((line, rpc) => line.runs.restartActive({ workflowId }, rpc), options),
    );
  }

  /**
   * Delete a run with its records and events.
   *
   * @throws DalsegnoError - RUN_ACTIVE: it is pending, running or waiting. RUN_HAS_REPLAYS:
   *   replays share its history.
   */
  async deleteRun(runId: string, options: CallOptions = {}): Promise<void> {
    await this.connection.settle(
      (line, rpc) => line.runs.deleteRun({ runId }, rpc),
      this.timed(options),
      "RUN_NOT_FOUND",
    );
  }
}

function stop(runId: string, options: StopOptions) {
  return {
    runId,
    reason: options.reason,
    requestId: encode.requestId(options.requestId),
    output: encode.output(options.output),
  };
}
