/**
 * What calls answer with: runs, steps, lineage and workflows as plain, read-only objects.
 *
 * Properties have the names and meanings of the protos, in camel case. What is absent is undefined.
 * Payloads are undefined when absent, and null when they are the JSON value null. Times are Dates,
 * whole milliseconds of the microseconds that the server keeps.
 */

/**
 * Where a run stands. `success`, `failed` and `canceled` are final. `unknown` is a status that a
 * newer server has.
 */
export type RunStatus =
  | "pending"
  | "running"
  | "waiting"
  | "suspended"
  | "paused"
  | "success"
  | "failed"
  | "canceled"
  | "unknown";

/** What became of an address. `unknown` is a status that a newer server has. */
export type StepStatus =
  | "running"
  | "waiting"
  | "suspended"
  | "success"
  | "failed"
  | "skipped"
  | "canceled"
  | "not_run"
  | "unknown";

/** What a node of a graph is. `unknown` is a kind that a newer server has. */
export type NodeKind =
  | "step"
  | "workflow"
  | "map"
  | "sleep"
  | "sleep_until"
  | "tap"
  | "when"
  | "do_while"
  | "do_until"
  | "foreach"
  | "parallel"
  | "race"
  | "branch"
  | "unknown";

/** Whether a run has ended; it never changes again. */
export function isTerminal(status: RunStatus): boolean {
  return status === "success" || status === "failed" || status === "canceled";
}

/** Whether nothing goes on before a caller acts: ended, suspended or paused. */
export function isAtRest(status: RunStatus): boolean {
  return isTerminal(status) || status === "suspended" || status === "paused";
}

/**
 * Something in a run that failed, without stack trace. Not an exception: calls throw a
 * `DalsegnoError`.
 */
export interface RunError {
  /** Name of the exception's class, or of the kind of failure. */
  readonly type: string;
  /** What went wrong. At most 4 KiB; longer ones are cut. */
  readonly message: string;
  /** Whether another attempt was allowed to help. */
  readonly retryable: boolean;
  /** What it was caused by, as far as that is known. */
  readonly cause: RunError | undefined;
}

/** One try of a step's body. */
export interface Attempt {
  /** Counts the tries of the step in its run, from 1. */
  readonly number: number;
  /** When it started. */
  readonly startTime: Date;
  /** When it ended. */
  readonly endTime: Date | undefined;
  /** Why it failed, if it did. */
  readonly error: RunError | undefined;
}

/** The record of one address: a step, a container, or one iteration. */
export interface Step {
  /** The address: `charge`, `inner.charge`, `poll[3]`, `items[7].enrich`. */
  readonly address: string;
  /** Id of the node, the last part of the address without an index. */
  readonly stepId: string;
  /** What kind of node it is. An iteration has the kind of the body. */
  readonly kind: NodeKind;
  /** What became of it. */
  readonly status: StepStatus;
  /** What it got. Undefined for one that is not run, or given by context without one. */
  readonly input: unknown;
  /** What it gave. Undefined unless it succeeded. */
  readonly output: unknown;
  /** Why it failed, if it did. */
  readonly error: RunError | undefined;
  /** The tries of its body, oldest first. Empty for what has no body. */
  readonly attempts: readonly Attempt[];
  /** What it asked when it last suspended. */
  readonly suspendPayload: unknown;
  /** Label of its last suspension. */
  readonly suspendLabel: string | undefined;
  /** When it last suspended. */
  readonly suspendTime: Date | undefined;
  /** When it was last resumed. */
  readonly resumeTime: Date | undefined;
  /** What it was last resumed with. */
  readonly resumeData: unknown;
  /** When it started. */
  readonly startTime: Date | undefined;
  /** When it settled. */
  readonly endTime: Date | undefined;
  /** When a waiting step goes on. */
  readonly dueTime: Date | undefined;
  /** Index from 0, if the address ends in one. */
  readonly iteration: number | undefined;
  /** The earlier run the record belongs to; undefined if it is the run's own. */
  readonly reusedFromRunId: string | undefined;
  /** Whether the context of a time travel gave it. */
  readonly given: boolean;
  /** Of the event that first told of it, in the run it belongs to; 0 if none. */
  readonly firstSequence: number;
}

/** A step that waits for resume data. */
export interface Suspension {
  /** The step. */
  readonly address: string;
  /** Name the step gave to its suspension; `resume` takes it in place of the address. */
  readonly label: string | undefined;
  /** What the step asks. */
  readonly payload: unknown;
  /** When it suspended. */
  readonly suspendTime: Date | undefined;
  /** JSON schema of the data it takes; undefined if it takes any. */
  readonly resumeSchema: unknown;
}

/** Where a replay comes from. */
export interface Lineage {
  /** The run it was made from; undefined for a time travel without a source. */
  readonly sourceRunId: string | undefined;
  /** The target, as the caller gave it. */
  readonly step: string;
  /** The run at the top of the tree; without a source, the replay itself. */
  readonly rootRunId: string;
  /** 1 for a replay of a run that is none; 0 without a source. */
  readonly depth: number;
  /** Names of the request's fields that replaced something, as in the protos, sorted. */
  readonly overrides: readonly string[];
}

/** Whose trace a run belongs to, and what its spans carry. */
export interface TracingOptions {
  /** 32 lower-case hexadecimal digits. Default: the server makes one. */
  readonly traceId?: string | undefined;
  /** 16 lower-case hexadecimal digits. Default: no span above the run's. */
  readonly parentSpanId?: string | undefined;
  /** Words to find the trace by. */
  readonly tags?: readonly string[] | undefined;
  /** What else the spans carry. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Keys of the request context that the spans carry. */
  readonly requestContextKeys?: readonly string[] | undefined;
}

/** One run of a workflow, or a replay of one. */
export interface Run<Result = unknown> {
  /** Names the run. */
  readonly runId: string;
  /** The workflow it executes. */
  readonly workflowId: string;
  /** Hash of the definition it was last driven with. */
  readonly definitionHash: string;
  /** Where it stands. */
  readonly status: RunStatus;
  /** What it was started with; null for a run started without. */
  readonly input: unknown;
  /** What it ended with. Undefined unless it succeeded. Its type is the caller's word. */
  readonly result: Result | undefined;
  /** Why it failed, if it did. */
  readonly error: RunError | undefined;
  /** State shared by its steps. Undefined unless asked for. */
  readonly state: unknown;
  /**
   * Its records by address, in the order they were executed, reused ones first. Empty in the basic
   * view.
   */
  readonly steps: ReadonlyMap<string, Step>;
  /** The steps that wait for resume data, in graph order. */
  readonly suspensions: readonly Suspension[];
  /** Address of a suspended step by its label. Empty unless asked for. */
  readonly labels: ReadonlyMap<string, string>;
  /** Where a replay comes from; undefined for a run that is none. */
  readonly lineage: Lineage | undefined;
  /** Whether a replay's definition differs from its direct source's. */
  readonly definitionChanged: boolean;
  /** What the caller gave for every step to read. */
  readonly requestContext: unknown;
  /** When it was accepted. */
  readonly createTime: Date;
  /** When it first started. */
  readonly startTime: Date | undefined;
  /** When it ended. */
  readonly endTime: Date | undefined;
  /** When a waiting run goes on. */
  readonly dueTime: Date | undefined;
  /** Of its newest event; 0 before the first. */
  readonly newestSequence: number;
  /**
   * Whether some of `steps`, or payloads in them, were left out because the answer would have been
   * too large. `listSteps` has them all.
   */
  readonly stepsTruncated: boolean;
  /** The trace it belongs to. */
  readonly traceId: string | undefined;
  /** What the caller said of its trace. */
  readonly tracing: TracingOptions | undefined;
}

/** One run of the tree of runs that time travels made. */
export interface LineageRun {
  /** The run. */
  readonly runId: string;
  /** The workflow it executes. */
  readonly workflowId: string;
  /** Where it stands. */
  readonly status: RunStatus;
  /** When it was accepted. */
  readonly createTime: Date;
  /** The run it was made from; undefined for the root. */
  readonly sourceRunId: string | undefined;
  /** The target it was made at; undefined for a run that is no replay. */
  readonly step: string | undefined;
  /** How many sources lie between it and the root; 0 for the root. */
  readonly depth: number;
}

/** A run that could not be restarted. */
export interface RestartFailure {
  /** The run. */
  readonly runId: string;
  /** Why not, as `DalsegnoError.reason`. */
  readonly reason: string;
  /** Why not, in words. */
  readonly message: string;
}

/** What came of restarting all runs that dead servers left. */
export interface Restarted {
  /** The runs that go on, sorted. */
  readonly runIds: readonly string[];
  /** The others, sorted by run id. */
  readonly failures: readonly RestartFailure[];
}

/** How failed attempts of a step are retried: exponential backoff with jitter. */
export interface RetryPolicy {
  /** How many attempts there are at most, the first included. */
  readonly maxAttempts: number;
  /** Milliseconds before the second attempt. */
  readonly initialIntervalMs: number;
  /** What the interval is multiplied with after each attempt. */
  readonly backoff: number;
  /** Longest interval in milliseconds. */
  readonly maxIntervalMs: number;
  /** Names of error types that are not retried. */
  readonly nonRetryable: readonly string[];
}

/** One place in a graph. */
export interface Node {
  /**
   * With `[]` where an index goes: `items[].enrich`. Empty for a parallel, race or branch without
   * an id.
   */
  readonly address: string;
  /** What kind of node it is. */
  readonly kind: NodeKind;
  /** What it is for, as its author says; empty if nothing is said. */
  readonly description: string;
  /** What is inside, in order. */
  readonly nodes: readonly Node[];
  /** JSON schema of its input; undefined where anything fits. */
  readonly inputSchema: unknown;
  /** JSON schema of its output; undefined where anything fits. */
  readonly outputSchema: unknown;
  /** JSON schema of the data it is resumed with; undefined where anything fits. */
  readonly resumeSchema: unknown;
  /** How failed attempts are retried, if they are. */
  readonly retry: RetryPolicy | undefined;
  /** Milliseconds that one attempt may take; undefined without limit. */
  readonly timeoutMs: number | undefined;
  /** How often a loop may repeat its body; undefined without limit. */
  readonly maxIterations: number | undefined;
  /** How many items of a foreach may execute at once. */
  readonly concurrency: number | undefined;
}

/** A definition: what a run executes. */
export interface Workflow {
  /** Names the workflow. */
  readonly workflowId: string;
  /** Hash over its graph and schemas. */
  readonly definitionHash: string;
  /** What it is for, as its author says; empty if nothing is said. */
  readonly description: string;
  /** JSON schema of its input; undefined if anything fits, and in lists. */
  readonly inputSchema: unknown;
  /** JSON schema of its output; undefined if it may give anything, and in lists. */
  readonly outputSchema: unknown;
  /** JSON schema of its state; undefined if it is any object, and in lists. */
  readonly stateSchema: unknown;
  /** Its outermost sequence, in order. Empty in lists. */
  readonly nodes: readonly Node[];
}
