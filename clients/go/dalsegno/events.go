package dalsegno

import (
	"encoding/json"
	"time"
)

// An Event is one fact about a run.
//
//	switch body := event.Body.(type) {
//	case dalsegno.StepCompleted:
//		fmt.Println(event.Address, string(body.Output))
//	case dalsegno.RunFailed:
//		fmt.Println(body.Error)
//	}
type Event struct {
	RunID string
	// Sequence is 1, 2, 3 … within the run, without gaps.
	Sequence int64
	Time     time.Time
	// Address is the step it is about; "" if it is about the run as a whole.
	Address string
	// Body is what happened.
	Body EventBody
}

// Type is the name of the kind of event, as in the protos: "step_completed". "" for the zero Event,
// which comes with an error.
func (e Event) Type() string {
	if e.Body == nil {
		return ""
	}
	return e.Body.eventType()
}

// restsRun tells whether a stream that does not follow ends after it.
func (e Event) restsRun() bool {
	switch e.Body.(type) {
	case RunSuspended, RunPaused, RunCompleted, RunFailed, RunCanceled:
		return true
	default:
		return false
	}
}

// An EventBody is one of the kinds of this package, [RunStarted] to [StepCanceled], or
// [UnknownEvent].
type EventBody interface {
	eventType() string
}

// RunStarted tells that the run started.
type RunStarted struct {
	WorkflowID     string
	DefinitionHash string
	Input          json.RawMessage
	// Lineage is nil for a run that is no replay.
	Lineage *Lineage
}

// RunResumed tells that the run goes on after a resume.
type RunResumed struct {
	Addresses []string
	// ResumeData is nil if it was paused.
	ResumeData json.RawMessage
}

// RunRestarted tells that the run goes on after its server died.
type RunRestarted struct{}

// RunWaiting tells that only timers or backoff are left.
type RunWaiting struct {
	DueTime time.Time
}

// RunSuspended tells that only steps that wait for resume data are left.
type RunSuspended struct {
	// Addresses are in graph order.
	Addresses []string
}

// RunPaused tells that the run stopped between two steps, on request.
type RunPaused struct {
	// Addresses say where it goes on.
	Addresses []string
	Reason    string
}

// RunCompleted tells that the run ended with a result.
type RunCompleted struct {
	Result json.RawMessage
}

// RunFailed tells that the run ended with an error.
type RunFailed struct {
	Error *Failure
}

// RunCanceled tells that the run ended on request, or by a step.
type RunCanceled struct {
	Reason string
}

// StepStarted tells that an attempt of a step started, or a container was entered.
type StepStarted struct {
	Input json.RawMessage
	// Attempt is 0 for a container.
	Attempt int
	// ResumeData is nil unless the step was resumed.
	ResumeData json.RawMessage
}

// StepOutput tells that a step emitted something.
type StepOutput struct {
	Data json.RawMessage
}

// StepProgress tells that an item of a foreach finished.
type StepProgress struct {
	Done  int
	Total int
}

// StepRetrying tells that an attempt failed, and another will be made.
type StepRetrying struct {
	Attempt int
	Error   *Failure
	DueTime time.Time
}

// StepWaiting tells that a sleep began.
type StepWaiting struct {
	DueTime time.Time
}

// StepSuspended tells that a step waits for resume data.
type StepSuspended struct {
	// Payload is nil for a container that holds the step.
	Payload json.RawMessage
	Label   string
}

// StepSkipped tells that the condition of a step did not hold.
type StepSkipped struct{}

// StepCompleted tells that a step, or a container, has an output.
type StepCompleted struct {
	Output json.RawMessage
}

// StepFailed tells that a step, or a container, failed for good.
type StepFailed struct {
	Error *Failure
	// Attempt is the last one made; 0 if none was.
	Attempt int
}

// StepCanceled tells that a step, or a container, was stopped before it could finish.
type StepCanceled struct{}

// UnknownEvent is a kind that a newer server has and this client does not know.
type UnknownEvent struct{}

func (RunStarted) eventType() string    { return "run_started" }
func (RunResumed) eventType() string    { return "run_resumed" }
func (RunRestarted) eventType() string  { return "run_restarted" }
func (RunWaiting) eventType() string    { return "run_waiting" }
func (RunSuspended) eventType() string  { return "run_suspended" }
func (RunPaused) eventType() string     { return "run_paused" }
func (RunCompleted) eventType() string  { return "run_completed" }
func (RunFailed) eventType() string     { return "run_failed" }
func (RunCanceled) eventType() string   { return "run_canceled" }
func (StepStarted) eventType() string   { return "step_started" }
func (StepOutput) eventType() string    { return "step_output" }
func (StepProgress) eventType() string  { return "step_progress" }
func (StepRetrying) eventType() string  { return "step_retrying" }
func (StepWaiting) eventType() string   { return "step_waiting" }
func (StepSuspended) eventType() string { return "step_suspended" }
func (StepSkipped) eventType() string   { return "step_skipped" }
func (StepCompleted) eventType() string { return "step_completed" }
func (StepFailed) eventType() string    { return "step_failed" }
func (StepCanceled) eventType() string  { return "step_canceled" }
func (UnknownEvent) eventType() string  { return "unknown" }
