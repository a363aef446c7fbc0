/**
 * Event messages to plain objects.
 */

import { error, certainTime, lineage, time } from "./decode.js";
import { type RunEvent } from "./events.js";
import { type RunEvent as Message } from "./gen/dalsegno/v1/event_pb.js";
import { type Error as ErrorMessage } from "./gen/dalsegno/v1/run_pb.js";
import { type RunError } from "./model.js";
import { decode as payload } from "./payloads.js";

/** The event; not for heartbeats, which are none. */
export function decodeEvent<Result>(message: Message): RunEvent<Result> {
  const head = {
    runId: message.runId,
    sequence: Number(message.sequence),
    time: certainTime(message.time),
    address: message.address,
  };
  return { ...head, ...decodeBody<Result>(message.body) };
}

// Distributes over the kinds: what is left of each without what all have.
type Body<Event> = Event extends RunEvent
  ? Omit<Event, "runId" | "sequence" | "time" | "address">
  : never;

function decodeBody<Result>(body: Message["body"]): Body<RunEvent<Result>> {
  switch (body.case) {
    case "runStarted": {
      const { workflowId, definitionHash, input } = body.value;
      const from = lineage(body.value.lineage);
      const what = { workflowId, definitionHash, input: payload(input), lineage: from };
      return { type: "run_started", ...what };
    }
    case "runResumed": {
      const { addresses, resumeData } = body.value;
      return { type: "run_resumed", addresses, resumeData: payload(resumeData) };
    }
    case "runRestarted":
      return { type: "run_restarted" };
    case "runWaiting":
      return { type: "run_waiting", dueTime: time(body.value.dueTime) };
    case "runSuspended":
      return { type: "run_suspended", addresses: body.value.addresses };
    case "runPaused": {
      const { addresses, reason } = body.value;
      return { type: "run_paused", addresses, reason: reason || undefined };
    }
    case "runCompleted":
      return { type: "run_completed", result: payload(body.value.result) as Result };
    case "runFailed":
      return { type: "run_failed", error: certainError(body.value.error) };
    case "runCanceled":
      return { type: "run_canceled", reason: body.value.reason || undefined };
    default:
      return decodeStepBody(body);
  }
}

function decodeStepBody(body: Message["body"]): Body<RunEvent<never>> {
  switch (body.case) {
    case "stepStarted": {
      const { attempt, input, resumeData } = body.value;
      const got = { input: payload(input), resumeData: payload(resumeData) };
      return { type: "step_started", attempt, ...got };
    }
    case "stepOutput":
      return { type: "step_output", data: payload(body.value.data) };
    case "stepProgress":
      return { type: "step_progress", done: body.value.done, total: body.value.total };
    case "stepRetrying": {
      const { attempt, dueTime } = body.value;
      const failed = certainError(body.value.error);
      return { type: "step_retrying", attempt, error: failed, dueTime: time(dueTime) };
    }
    case "stepWaiting":
      return { type: "step_waiting", dueTime: time(body.value.dueTime) };
    case "stepSuspended": {
      const label = body.value.label || undefined;
      return { type: "step_suspended", payload: payload(body.value.payload), label };
    }
    case "stepSkipped":
      return { type: "step_skipped" };
    case "stepCompleted":
      return { type: "step_completed", output: payload(body.value.output) };
    case "stepFailed": {
      const { attempt } = body.value;
      return { type: "step_failed", attempt, error: certainError(body.value.error) };
    }
    case "stepCanceled":
      return { type: "step_canceled" };
    default:
      return { type: "unknown" };
  }
}

// The protos promise it.
function certainError(message: ErrorMessage | undefined): RunError {
  return error(message) ?? { type: "", message: "", retryable: false, cause: undefined };
}
