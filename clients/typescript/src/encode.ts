/**
 * Options to what requests have.
 */

import { randomUUID } from "node:crypto";

import { type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";

import {
  type OutputOptionsSchema,
  RunStatus,
  RunView,
  type StepResultSchema,
  StepStatus,
  type TracingOptionsSchema,
} from "./gen/dalsegno/v1/run_pb.js";
import {
  type ListRunsRequestSchema,
  type ResumeRequestSchema,
  type RunRequestSchema,
  type TimeTravelRequestSchema,
} from "./gen/dalsegno/v1/run_service_pb.js";
import { type TracingOptions } from "./model.js";
import type * as options from "./options.js";
import { encode as payload } from "./payloads.js";

/** The id given, or a new one: it makes repeating the call safe. */
export function requestId(given: string | undefined): string {
  return given ?? randomUUID();
}

/** What all requests for a new run have. */
export function newRun(workflowId: string, given: options.NewRunOptions) {
  return {
    workflowId,
    inputData: payload("inputData", given.inputData),
    runId: given.runId,
    requestId: requestId(given.requestId),
    initialState: payload("initialState", given.initialState),
    requestContext: payload("requestContext", given.requestContext),
    perStep: given.perStep,
    tracing: tracing(given.tracing),
  } satisfies MessageInitShape<typeof RunRequestSchema>;
}

/** What both requests for a resumption have. */
export function resumption(runId: string, given: options.ResumptionOptions) {
  return {
    runId,
    step: given.step,
    label: given.label,
    resumeData: payload("resumeData", given.resumeData),
    requestContext: payload("requestContext", given.requestContext),
    perStep: given.perStep,
    requestId: requestId(given.requestId),
  } satisfies MessageInitShape<typeof ResumeRequestSchema>;
}

/** What both requests for a replay have. */
export function replay(runId: string | null, step: string, given: options.ReplayOptions) {
  return {
    runId: runId ?? "",
    workflowId: given.workflowId,
    step,
    inputData: payload("inputData", given.inputData),
    resumeData: payload("resumeData", given.resumeData),
    initialState: payload("initialState", given.initialState),
    context: context(given.context ?? {}),
    requestContext: payload("requestContext", given.requestContext),
    perStep: given.perStep,
    force: given.force,
    allowDefinitionChange: given.allowDefinitionChange,
    newRunId: given.newRunId,
    requestId: requestId(given.requestId),
    tracing: tracing(given.tracing),
  } satisfies MessageInitShape<typeof TimeTravelRequestSchema>;
}

/** What a list of runs is asked with. */
export function runFilters(given: options.ListRunsOptions) {
  return {
    pageSize: given.pageSize,
    workflowId: given.workflowId,
    statuses: given.statuses?.map((status) => RunStatus[named<keyof typeof RunStatus>(status)]),
    createdAfter: given.createdAfter && timestampFromDate(given.createdAfter),
    createdBefore: given.createdBefore && timestampFromDate(given.createdBefore),
    sourceRunId: given.sourceRunId,
    rootRunId: given.rootRunId,
  } satisfies MessageInitShape<typeof ListRunsRequestSchema>;
}

/** What the answer holds of the run. */
export function output(
  given: options.OutputOptions | undefined,
): MessageInitShape<typeof OutputOptionsSchema> | undefined {
  return (
    given && {
      view: given.view === "basic" ? RunView.BASIC : RunView.FULL,
      includeState: given.includeState,
      includeResumeLabels: given.includeResumeLabels,
    }
  );
}

function tracing(
  given: TracingOptions | undefined,
): MessageInitShape<typeof TracingOptionsSchema> | undefined {
  return (
    given && {
      traceId: given.traceId,
      parentSpanId: given.parentSpanId,
      tags: given.tags && [...given.tags],
      metadata: given.metadata,
      requestContextKeys: given.requestContextKeys && [...given.requestContextKeys],
    }
  );
}

function context(
  given: Readonly<Record<string, options.StepResult>>,
): Record<string, MessageInitShape<typeof StepResultSchema>> {
  const records = Object.entries(given).map(([address, result]) => [
    address,
    {
      status: result.status && StepStatus[named<keyof typeof StepStatus>(result.status)],
      output: payload(`context[${address}].output`, result.output),
      payload: payload(`context[${address}].payload`, result.payload),
    },
  ]);
  return Object.fromEntries(records) as Record<string, MessageInitShape<typeof StepResultSchema>>;
}

// `unknown`, and words that are no status at all, are sent as unspecified, which servers refuse.
function named<Name extends string>(name: string): Name | "UNSPECIFIED" {
  return name === "unknown" ? "UNSPECIFIED" : (name.toUpperCase() as Name);
}
