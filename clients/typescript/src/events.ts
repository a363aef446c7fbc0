/**
 * Events: one type per kind, told apart by `type`, so that a `switch` knows what each kind has.
 *
 * One type with a property for everything was refused: most would be undefined most of the time,
 * and neither reader nor compiler could tell which.
 */

import { type Lineage, type RunError } from "./model.js";

/** What every event has. */
export interface EventHead {
  /** The run. */
  readonly runId: string;
  /** 1, 2, 3 … within the run, without gaps. */
  readonly sequence: number;
  /** When it happened. */
  readonly time: Date;
  /** The step it is about; "" if it is about the run as a whole. */
  readonly address: string;
}

/** The run started. A replay has its lineage. */
export interface RunStarted extends EventHead {
  /** The kind. */
  readonly type: "run_started";
  /** The workflow it executes. */
  readonly workflowId: string;
  /** Hash of the definition it started with. */
  readonly definitionHash: string;
  /** What it was started with. */
  readonly input: unknown;
  /** Where a replay comes from. */
  readonly lineage: Lineage | undefined;
}

/** The run goes on after a resume. */
export interface RunResumed extends EventHead {
  /** The kind. */
  readonly type: "run_resumed";
  /** The steps it goes on at. */
  readonly addresses: readonly string[];
  /** What the step was resumed with; undefined if the run was paused. */
  readonly resumeData: unknown;
}

/** The run goes on after its server died. */
export interface RunRestarted extends EventHead {
  /** The kind. */
  readonly type: "run_restarted";
}

/** Only timers or backoff are left. */
export interface RunWaiting extends EventHead {
  /** The kind. */
  readonly type: "run_waiting";
  /** When the first of them is due. */
  readonly dueTime: Date | undefined;
}

/** Only steps that wait for resume data are left. */
export interface RunSuspended extends EventHead {
  /** The kind. */
  readonly type: "run_suspended";
  /** The steps that wait, in graph order. */
  readonly addresses: readonly string[];
}

/** The run stopped between two steps, on request. */
export interface RunPaused extends EventHead {
  /** The kind. */
  readonly type: "run_paused";
  /** Where it goes on. */
  readonly addresses: readonly string[];
  /** Why, as the caller gave it. */
  readonly reason: string | undefined;
}

/** The run ended with a result. */
export interface RunCompleted<Result = unknown> extends EventHead {
  /** The kind. */
  readonly type: "run_completed";
  /** What it ended with. Its type is the caller's word. */
  readonly result: Result;
}

/** The run ended with an error. */
export interface RunFailed extends EventHead {
  /** The kind. */
  readonly type: "run_failed";
  /** Why it failed. */
  readonly error: RunError;
}

/** The run ended on request, or by a step. */
export interface RunCanceled extends EventHead {
  /** The kind. */
  readonly type: "run_canceled";
  /** Why, as the caller gave it. */
  readonly reason: string | undefined;
}

/** An attempt of a step started, or a container was entered. */
export interface StepStarted extends EventHead {
  /** The kind. */
  readonly type: "step_started";
  /** What it got. */
  readonly input: unknown;
  /** From 1; 0 for a container, which has no body. */
  readonly attempt: number;
  /** What the step was resumed with, if it was. */
  readonly resumeData: unknown;
}

/** A step emitted something. */
export interface StepOutput extends EventHead {
  /** The kind. */
  readonly type: "step_output";
  /** What it emitted. */
  readonly data: unknown;
}

/** An item of a foreach finished. */
export interface StepProgress extends EventHead {
  /** The kind. */
  readonly type: "step_progress";
  /** How many items have finished. */
  readonly done: number;
  /** How many items there are. */
  readonly total: number;
}

/** An attempt failed, and another will be made. */
export interface StepRetrying extends EventHead {
  /** The kind. */
  readonly type: "step_retrying";
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  /** Why it failed. */
  readonly error: RunError;
  /** When the next attempt is due. */
  readonly dueTime: Date | undefined;
}

/** A sleep began. */
export interface StepWaiting extends EventHead {
  /** The kind. */
  readonly type: "step_waiting";
  /** When it is over. */
  readonly dueTime: Date | undefined;
}

/** A step waits for resume data, or a container holds one that does. */
export interface StepSuspended extends EventHead {
  /** The kind. */
  readonly type: "step_suspended";
  /** What it asks; undefined for a container. */
  readonly payload: unknown;
  /** Name it gave to the suspension. */
  readonly label: string | undefined;
}

/** The condition of a step did not hold. */
export interface StepSkipped extends EventHead {
  /** The kind. */
  readonly type: "step_skipped";
}

/** A step, or a container, has an output. */
export interface StepCompleted extends EventHead {
  /** The kind. */
  readonly type: "step_completed";
  /** What it gave. */
  readonly output: unknown;
}

/** A step, or a container, failed for good. */
export interface StepFailed extends EventHead {
  /** The kind. */
  readonly type: "step_failed";
  /** Why it failed. */
  readonly error: RunError;
  /** The last attempt, from 1; 0 if there was none. */
  readonly attempt: number;
}

/** A step, or a container, was stopped before it could finish. */
export interface StepCanceled extends EventHead {
  /** The kind. */
  readonly type: "step_canceled";
}

/** A kind that a newer server has and this client does not know. */
export interface UnknownEvent extends EventHead {
  /** The kind. */
  readonly type: "unknown";
}

/**
 * One fact about a run.
 *
 *     switch (event.type) {
 *       case "step_completed":
 *         console.log(event.address, event.output);
 *     }
 */
export type RunEvent<Result = unknown> =
  | RunStarted
  | RunResumed
  | RunRestarted
  | RunWaiting
  | RunSuspended
  | RunPaused
  | RunCompleted<Result>
  | RunFailed
  | RunCanceled
  | StepStarted
  | StepOutput
  | StepProgress
  | StepRetrying
  | StepWaiting
  | StepSuspended
  | StepSkipped
  | StepCompleted
  | StepFailed
  | StepCanceled
  | UnknownEvent;

/** Whether a run is at rest after the event: a stream that does not follow ends there. */
export function restsRun(event: RunEvent): boolean {
  switch (event.type) {
    case "run_suspended":
    case "run_paused":
    case "run_completed":
    case "run_failed":
    case "run_canceled":
      return true;
    default:
      return false;
  }
}
