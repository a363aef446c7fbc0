/**
 * Messages to plain objects: one function per noun.
 */

import { type Timestamp, durationMs, timestampDate } from "@bufbuild/protobuf/wkt";

import { ErrorReason } from "./gen/dalsegno/v1/error_reason_pb.js";
import * as run_pb from "./gen/dalsegno/v1/run_pb.js";
import type * as service_pb from "./gen/dalsegno/v1/run_service_pb.js";
import type * as workflow_pb from "./gen/dalsegno/v1/workflow_service_pb.js";
import type * as model from "./model.js";
import { decode as payload } from "./payloads.js";

/** A run; its result has the type that the caller says. */
export function run<Result>(message: run_pb.Run | undefined): model.Run<Result> {
  if (message === undefined) {
    throw new TypeError("an answer came without its run");
  }
  const steps = Object.values(message.steps).sort(inExecutionOrder).map(step);
  return {
    runId: message.runId,
    workflowId: message.workflowId,
    definitionHash: message.definitionHash,
    status: runStatus(message.status),
    input: payload(message.input),
    result: payload(message.result) as Result | undefined,
    error: error(message.error),
    state: payload(message.state),
    steps: new Map(steps.map((step) => [step.address, step])),
    suspensions: message.suspensions.map(suspension),
    labels: new Map(Object.entries(message.labels)),
    lineage: lineage(message.lineage),
    definitionChanged: message.definitionChanged,
    requestContext: payload(message.requestContext),
    createTime: certainTime(message.createTime),
    startTime: time(message.startTime),
    endTime: time(message.endTime),
    dueTime: time(message.dueTime),
    newestSequence: Number(message.newestSequence),
    stepsTruncated: message.stepsTruncated,
    traceId: message.traceId || undefined,
    tracing: tracing(message.tracing),
  };
}

/** A record. */
export function step(message: run_pb.StepRecord): model.Step {
  return {
    address: message.address,
    stepId: message.stepId,
    kind: nodeKind(message.kind),
    status: named<model.StepStatus>(run_pb.StepStatus[message.status]),
    input: payload(message.input),
    output: payload(message.output),
    error: error(message.error),
    attempts: message.attempts.map(attempt),
    suspendPayload: payload(message.suspendPayload),
    suspendLabel: message.suspendLabel || undefined,
    suspendTime: time(message.suspendTime),
    resumeTime: time(message.resumeTime),
    resumeData: payload(message.resumeData),
    startTime: time(message.startTime),
    endTime: time(message.endTime),
    dueTime: time(message.dueTime),
    iteration: message.iteration,
    reusedFromRunId: message.reusedFromRunId || undefined,
    given: message.given,
    firstSequence: Number(message.firstSequence),
  };
}

/** One run of a tree of runs. */
export function lineageRun(message: service_pb.LineageRun): model.LineageRun {
  return {
    runId: message.runId,
    workflowId: message.workflowId,
    status: runStatus(message.status),
    createTime: certainTime(message.createTime),
    sourceRunId: message.sourceRunId || undefined,
    step: message.step || undefined,
    depth: message.depth,
  };
}

/** What came of restarting. */
export function restarted(message: service_pb.RestartActiveResponse): model.Restarted {
  const failures = message.failures.map(({ runId, reason, message }) => ({
    runId,
    reason: reasonName(reason),
    message,
  }));
  return { runIds: message.runIds, failures };
}

/** A workflow. */
export function workflow(message: workflow_pb.Workflow | undefined): model.Workflow {
  if (message === undefined) {
    throw new TypeError("an answer came without its workflow");
  }
  return {
    workflowId: message.workflowId,
    definitionHash: message.definitionHash,
    description: message.description,
    inputSchema: payload(message.inputSchema),
    outputSchema: payload(message.outputSchema),
    stateSchema: payload(message.stateSchema),
    nodes: message.nodes.map(node),
  };
}

/** Where a replay comes from. */
export function lineage(message: run_pb.Lineage | undefined): model.Lineage | undefined {
  return (
    message && {
      sourceRunId: message.sourceRunId || undefined,
      step: message.step,
      rootRunId: message.rootRunId,
      depth: message.depth,
      overrides: message.overrides,
    }
  );
}

/** What failed. */
export function error(message: run_pb.Error | undefined): model.RunError | undefined {
  return (
    message && {
      type: message.type,
      message: message.message,
      retryable: message.retryable,
      cause: error(message.cause),
    }
  );
}

/** A point in time, if there is one. */
export function time(message: Timestamp | undefined): Date | undefined {
  return message && timestampDate(message);
}

/** A point in time that the protos promise; the epoch if a server broke that. */
export function certainTime(message: Timestamp | undefined): Date {
  return time(message) ?? new Date(0);
}

// Reused records first. They may come from several runs, each with sequences of its own, so that
// times order them; records without a time were given or not run, and come first.
function inExecutionOrder(a: run_pb.StepRecord, b: run_pb.StepRecord): number {
  const isOwn = (record: run_pb.StepRecord) => Number(record.reusedFromRunId === "");
  const started = (record: run_pb.StepRecord) =>
    isOwn(record) || !record.startTime ? 0n : nanoseconds(record.startTime);
  return (
    isOwn(a) - isOwn(b) ||
    Number(started(a) - started(b)) ||
    Number(a.firstSequence - b.firstSequence) ||
    (a.address < b.address ? -1 : 1)
  );
}

function nanoseconds(time: Timestamp): bigint {
  return time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

function suspension(message: run_pb.Suspension): model.Suspension {
  return {
    address: message.address,
    label: message.label || undefined,
    payload: payload(message.payload),
    suspendTime: time(message.suspendTime),
    resumeSchema: payload(message.resumeSchema),
  };
}

function attempt(message: run_pb.Attempt): model.Attempt {
  return {
    number: message.number,
    startTime: certainTime(message.startTime),
    endTime: time(message.endTime),
    error: error(message.error),
  };
}

function tracing(message: run_pb.TracingOptions | undefined): model.TracingOptions | undefined {
  return (
    message && {
      traceId: message.traceId || undefined,
      parentSpanId: message.parentSpanId || undefined,
      tags: message.tags,
      metadata: message.metadata,
      requestContextKeys: message.requestContextKeys,
    }
  );
}

function node(message: workflow_pb.Node): model.Node {
  return {
    address: message.address,
    kind: nodeKind(message.kind),
    description: message.description,
    nodes: message.nodes.map(node),
    inputSchema: payload(message.inputSchema),
    outputSchema: payload(message.outputSchema),
    resumeSchema: payload(message.resumeSchema),
    retry: retry(message.retry),
    timeoutMs: message.timeout && durationMs(message.timeout),
    maxIterations: message.maxIterations,
    concurrency: message.concurrency,
  };
}

function retry(message: workflow_pb.RetryPolicy | undefined): model.RetryPolicy | undefined {
  return (
    message && {
      maxAttempts: message.maxAttempts,
      initialIntervalMs: message.initialInterval ? durationMs(message.initialInterval) : 0,
      backoff: message.backoff,
      maxIntervalMs: message.maxInterval ? durationMs(message.maxInterval) : 0,
      nonRetryable: message.nonRetryable,
    }
  );
}

// "" for a value of a newer server.
function reasonName(value: ErrorReason): string {
  const names: Readonly<Record<number, string | undefined>> = ErrorReason;
  return names[value] ?? "";
}

function runStatus(value: run_pb.RunStatus): model.RunStatus {
  return named<model.RunStatus>(run_pb.RunStatus[value]);
}

function nodeKind(value: run_pb.NodeKind): model.NodeKind {
  return named<model.NodeKind>(run_pb.NodeKind[value]);
}

// A value of a newer server has no name here. That the names of this client's enums are those of
// the model, in capitals, is a test's business.
function named<Name extends string>(name: string | undefined): Name | "unknown" {
  return name === undefined || name === "UNSPECIFIED" ? "unknown" : (name.toLowerCase() as Name);
}
