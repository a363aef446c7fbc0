/**
 * What calls take beside what they are about. Names are those of the requests' fields, in camel
 * case. For payloads, undefined sends nothing, and null the JSON value null.
 */

import { type RunStatus, type StepStatus, type TracingOptions } from "./model.js";

/** How much of a run an answer holds: `basic` is without steps. */
export type RunView = "basic" | "full";

/** What an answer should hold of the run. */
export interface OutputOptions {
  /** How much of the run. Default: full. */
  readonly view?: RunView | undefined;
  /** Whether `Run.state` is answered. Default: false. */
  readonly includeState?: boolean | undefined;
  /** Whether `Run.labels` is answered. Default: false. */
  readonly includeResumeLabels?: boolean | undefined;
}

/** What every call and stream takes. */
export interface SignalOption {
  /**
   * Ends the call when it is aborted, with the signal's reason as error. The run goes on.
   * `AbortSignal.timeout(ms)` is a deadline for a stream.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What every call that is no stream takes. */
export interface CallOptions extends SignalOption {
  /**
   * Milliseconds the call may take, with all repetitions; a try takes 27 hours at most, if there
   * is a limit. Default: without limit for calls that wait for a run, else
   * `ConnectOptions.timeoutMs`.
   */
  readonly timeoutMs?: number | undefined;
}

/** What calls take that answer a run. */
export interface AnswerOptions extends CallOptions {
  /** What the answer holds of the run. */
  readonly output?: OutputOptions | undefined;
}

/** What makes repeating a call safe. */
export interface RequestIdOption {
  /**
   * A call with the same one answers with the first call's run. Default: a new one, under which
   * the client itself repeats the call while the server is away.
   */
  readonly requestId?: string | undefined;
}

/** What a stream takes. */
export interface StreamOptions extends SignalOption {
  /** Whether the stream goes on while the run is suspended or paused. Default: false. */
  readonly follow?: boolean | undefined;
}

/** What a new run takes. */
export interface NewRunOptions extends RequestIdOption {
  /** What the run starts with. Default: null. */
  readonly inputData?: unknown;
  /** Name of the run. Default: the server makes one. */
  readonly runId?: string | undefined;
  /** State to begin with, an object. Default: `{}`. */
  readonly initialState?: unknown;
  /** What every step may read, an object. Default: `{}`. */
  readonly requestContext?: unknown;
  /** Whether the run pauses after its first node; `resume` goes on. Default: false. */
  readonly perStep?: boolean | undefined;
  /** Whose trace the run belongs to. Default: one of its own. */
  readonly tracing?: TracingOptions | undefined;
}

/** What `run` and `startRun` take. */
export interface RunOptions extends NewRunOptions, AnswerOptions {}

/** What `runStream` takes. */
export interface RunStreamOptions extends NewRunOptions, StreamOptions {}

/** What a resumption takes. */
export interface ResumptionOptions extends RequestIdOption {
  /** Address of the suspended step. May be left out if exactly one is suspended. */
  readonly step?: string | undefined;
  /** Label of the suspension, in place of `step`. */
  readonly label?: string | undefined;
  /** Required for a suspended step, and refused for a paused run. null is data. */
  readonly resumeData?: unknown;
  /** Keys that replace those of the run's request context, from here on. */
  readonly requestContext?: unknown;
  /** Whether the run pauses again after the next node. Default: false. */
  readonly perStep?: boolean | undefined;
}

/** What `resume` takes. */
export interface ResumeOptions extends ResumptionOptions, AnswerOptions {}

/** What `resumeStream` takes. */
export interface ResumeStreamOptions extends ResumptionOptions, StreamOptions {}

/** What a time travel takes as the record of a step, in place of the one in the source. */
export interface StepResult {
  /** What the step gave. Required, except for the target. */
  readonly output?: unknown;
  /** What the step got; for the target, what the target gets. */
  readonly payload?: unknown;
  /** Only success is accepted. Default: success. */
  readonly status?: StepStatus | undefined;
}

/** What a replay takes. */
export interface ReplayOptions extends RequestIdOption {
  /** May be left out if there is a source, and must be the source's. */
  readonly workflowId?: string | undefined;
  /** What the target gets. Default: what it got in the source. */
  readonly inputData?: unknown;
  /**
   * Answer for the target if it was suspended, else for the first suspended step the replay
   * reaches. Default: suspended steps ask again.
   */
  readonly resumeData?: unknown;
  /** An object. Default: the state before the target started in the source. */
  readonly initialState?: unknown;
  /** Records of steps before or beside the target, by address. */
  readonly context?: Readonly<Record<string, StepResult>> | undefined;
  /** Keys that replace those of the source's request context. */
  readonly requestContext?: unknown;
  /** Whether the replay pauses after the target. Default: false. */
  readonly perStep?: boolean | undefined;
  /** Whether an arm is executed although its condition does not hold. Default: false. */
  readonly force?: boolean | undefined;
  /** Whether steps before the target may stand in another order. Default: false. */
  readonly allowDefinitionChange?: boolean | undefined;
  /** Name of the replay. Default: the server makes one. */
  readonly newRunId?: string | undefined;
  /** Whose trace the replay belongs to. Default: one of its own. */
  readonly tracing?: TracingOptions | undefined;
}

/** What `timeTravel` takes. */
export interface TimeTravelOptions extends ReplayOptions, AnswerOptions {}

/** What `timeTravelStream` takes. */
export interface TimeTravelStreamOptions extends ReplayOptions, StreamOptions {}

/** What `watchRun` takes. */
export interface WatchRunOptions extends StreamOptions {
  /** The stream begins with the event after this one. Default: 0, the first. */
  readonly afterSequence?: number | undefined;
}

/** What `cancel` and `pause` take. */
export interface StopOptions extends RequestIdOption, AnswerOptions {
  /** Why, for the run's events. At most 1000 characters. */
  readonly reason?: string | undefined;
}

/** What `restartActive` takes. */
export interface RestartActiveOptions extends CallOptions {
  /** Only runs of this workflow. Default: of every workflow. */
  readonly workflowId?: string | undefined;
}

/** What lists take. Pages are asked for as the loop gets to them. */
export interface ListOptions extends CallOptions {
  /** At most 1000. Default: the server's, 100. */
  readonly pageSize?: number | undefined;
}

/** What `listRuns` takes: filters, which all have to match. */
export interface ListRunsOptions extends ListOptions {
  /** Only runs of this workflow. */
  readonly workflowId?: string | undefined;
  /** Only runs with one of these. Default, and if empty: any. */
  readonly statuses?: readonly RunStatus[] | undefined;
  /** At or after this time. */
  readonly createdAfter?: Date | undefined;
  /** Before this time. */
  readonly createdBefore?: Date | undefined;
  /** Only direct replays of this run. */
  readonly sourceRunId?: string | undefined;
  /** Only the tree of replays of this run, itself included. */
  readonly rootRunId?: string | undefined;
}

/** What `listEvents` takes. */
export interface ListEventsOptions extends ListOptions {
  /** Only events after this one. Default: 0, from the first. */
  readonly afterSequence?: number | undefined;
}
