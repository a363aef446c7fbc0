package dalsegno

import (
	"encoding/json"
	"time"
)

// A RunStatus is where a run stands. One that this client has no name for is its number.
type RunStatus string

// The statuses of runs, as the protos describe them.
const (
	RunStatusPending   RunStatus = "pending"
	RunStatusRunning   RunStatus = "running"
	RunStatusWaiting   RunStatus = "waiting"
	RunStatusSuspended RunStatus = "suspended"
	RunStatusPaused    RunStatus = "paused"
	RunStatusSuccess   RunStatus = "success"
	RunStatusFailed    RunStatus = "failed"
	RunStatusCanceled  RunStatus = "canceled"
)

// IsTerminal tells whether the run has ended; it never changes again.
func (s RunStatus) IsTerminal() bool {
	return s == RunStatusSuccess || s == RunStatusFailed || s == RunStatusCanceled
}

// IsAtRest tells whether nothing goes on before a caller acts: ended, suspended or paused.
func (s RunStatus) IsAtRest() bool {
	return s.IsTerminal() || s == RunStatusSuspended || s == RunStatusPaused
}

// A StepStatus is what became of an address. One that this client has no name for is its number.
type StepStatus string

// The statuses of steps, as the protos describe them.
const (
	StepStatusRunning   StepStatus = "running"
	StepStatusWaiting   StepStatus = "waiting"
	StepStatusSuspended StepStatus = "suspended"
	StepStatusSuccess   StepStatus = "success"
	StepStatusFailed    StepStatus = "failed"
	StepStatusSkipped   StepStatus = "skipped"
	StepStatusCanceled  StepStatus = "canceled"
	StepStatusNotRun    StepStatus = "not_run"
)

// A NodeKind is what a node of a graph is. One that this client has no name for is its number.
type NodeKind string

// The kinds of nodes, as the protos describe them.
const (
	NodeKindStep       NodeKind = "step"
	NodeKindWorkflow   NodeKind = "workflow"
	NodeKindMap        NodeKind = "map"
	NodeKindSleep      NodeKind = "sleep"
	NodeKindSleepUntil NodeKind = "sleep_until"
	NodeKindTap        NodeKind = "tap"
	NodeKindWhen       NodeKind = "when"
	NodeKindDoWhile    NodeKind = "do_while"
	NodeKindDoUntil    NodeKind = "do_until"
	NodeKindForeach    NodeKind = "foreach"
	NodeKindParallel   NodeKind = "parallel"
	NodeKindRace       NodeKind = "race"
	NodeKindBranch     NodeKind = "branch"
)

// A Run is one run of a workflow, or a replay of one.
type Run struct {
	RunID      string
	WorkflowID string
	// DefinitionHash is of the definition it was last driven with.
	DefinitionHash string
	Status         RunStatus
	Input          json.RawMessage
	// Result is nil unless it succeeded.
	Result json.RawMessage
	// Error is nil unless it failed.
	Error *Failure
	// State is nil unless asked for.
	State json.RawMessage
	// Steps are in the order they were executed, reused ones first. Empty in the basic view.
	Steps []*Step
	// Suspensions are in graph order.
	Suspensions []Suspension
	// Labels is the address of a suspended step by its label; empty unless asked for.
	Labels map[string]string
	// Lineage is nil for a run that is no replay.
	Lineage *Lineage
	// DefinitionChanged tells whether a replay's definition differs from its direct source's.
	DefinitionChanged bool
	RequestContext    json.RawMessage
	CreateTime        time.Time
	// StartTime is zero while it is pending.
	StartTime time.Time
	// EndTime is zero while it has not ended.
	EndTime time.Time
	// DueTime is when a waiting run goes on, else zero.
	DueTime time.Time
	// NewestSequence is of its newest event; 0 before the first.
	NewestSequence int64
	// StepsTruncated tells whether some of Steps, or payloads in them, were left out because the
	// answer would have been too large. ListSteps has them all.
	StepsTruncated bool
	// TraceID is the trace it belongs to.
	TraceID string
	// Tracing is what the caller said of its trace; nil if nothing.
	Tracing *TracingOptions
}

// Step is the record of an address; nil if there is none.
func (r *Run) Step(address string) *Step {
	for _, step := range r.Steps {
		if step.Address == address {
			return step
		}
	}
	return nil
}

// A Step is the record of one address: a step, a container, or one iteration.
type Step struct {
	Address string
	StepID  string
	Kind    NodeKind
	Status  StepStatus
	// Input is nil for one that is not run, or given by context without one.
	Input json.RawMessage
	// Output is nil unless it succeeded.
	Output json.RawMessage
	// Error is nil unless it failed.
	Error *Failure
	// Attempts are oldest first; empty for what has no body.
	Attempts []Attempt
	// SuspendPayload is what it asked when it last suspended.
	SuspendPayload json.RawMessage
	SuspendLabel   string
	SuspendTime    time.Time
	ResumeTime     time.Time
	// ResumeData is what it was last resumed with.
	ResumeData json.RawMessage
	StartTime  time.Time
	EndTime    time.Time
	DueTime    time.Time
	// Iteration is the index from 0 that the address ends in; nil if in none.
	Iteration *int
	// ReusedFromRunID is the earlier run the record belongs to; "" if it is the run's own.
	ReusedFromRunID string
	// Given tells whether the context of a time travel gave it.
	Given bool
	// FirstSequence is of the event that first told of it, in the run it belongs to; 0 if none.
	FirstSequence int64
}

// An Attempt is one try of a step's body, numbered from 1.
type Attempt struct {
	Number    int
	StartTime time.Time
	EndTime   time.Time
	Error     *Failure
}

// A Failure is something in a run that failed, without stack trace: Error in the protos. It is not
// what calls return, which is [*Error].
type Failure struct {
	// Type is the name of the exception's class, or of the kind of failure.
	Type string
	// Message takes at most 4 KiB; longer ones are cut.
	Message string
	// Retryable tells whether another attempt was allowed to help.
	Retryable bool
	Cause     *Failure
}

// Error is type and message.
func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error {
	if f.Cause == nil {
		return nil
	}
	return f.Cause
}

// A Suspension is a step that waits for resume data.
type Suspension struct {
	Address string
	Label   string
	// Payload is what the step asks.
	Payload     json.RawMessage
	SuspendTime time.Time
	// ResumeSchema is the JSON schema of the data it takes; nil if it takes any.
	ResumeSchema json.RawMessage
}

// A Lineage is where a replay comes from.
type Lineage struct {
	// SourceRunID is "" for a time travel without a source.
	SourceRunID string
	// Step is the target, as the caller gave it.
	Step string
	// RootRunID is the run at the top of the tree; without a source, the replay itself.
	RootRunID string
	// Depth is 1 for a replay of a run that is none; 0 without a source.
	Depth int
	// Overrides are names of the request's fields that replaced something, sorted.
	Overrides []string
}

// A LineageRun is one run of the tree of runs that time travels made.
type LineageRun struct {
	RunID      string
	WorkflowID string
	Status     RunStatus
	CreateTime time.Time
	// SourceRunID is the run it was made from; "" for the root.
	SourceRunID string
	// Step is the target it was made at; "" for a run that is no replay.
	Step string
	// Depth is how many sources lie between it and the root; 0 for the root.
	Depth int
}

// Restarted is what came of restarting all runs that dead servers left.
type Restarted struct {
	// RunIDs are the runs that go on, sorted.
	RunIDs []string
	// Failures are of the others, sorted by run id.
	Failures []RestartFailure
}

// A RestartFailure is a run that could not be restarted.
type RestartFailure struct {
	RunID   string
	Reason  Reason
	Message string
}
