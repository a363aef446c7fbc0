package dalsegno

import (
	"crypto/rand"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// A RunRequest says what to run, for Run, RunStream and StartRun. Only WorkflowID is required.
type RunRequest struct {
	WorkflowID string
	// InputData is what the run starts with; null if left out.
	InputData any
	// RunID names the run; the server makes one if left out.
	RunID string
	// RequestID makes calls with the same one answer with the first call's run. Made by the client
	// if left out.
	RequestID string
	// InitialState is the state to begin with, an object.
	InitialState any
	// RequestContext is what every step may read, an object.
	RequestContext any
	// PerStep pauses the run after its first node; Resume goes on.
	PerStep bool
	// Output is what the answer holds. Not for streams.
	Output OutputOptions
	// Tracing is whose trace the run belongs to; one of its own if left out.
	Tracing *TracingOptions
	// Follow keeps a stream open while the run is suspended or paused, until it has ended.
	Follow bool
}

// A ResumeRequest says how a run goes on, for Resume and ResumeStream. Only RunID is required.
type ResumeRequest struct {
	RunID string
	// Step is the address of the suspended step. May be left out if exactly one is suspended.
	Step string
	// Label is of the suspension, in place of Step.
	Label string
	// ResumeData is required for a suspended step, and refused for a paused run.
	ResumeData any
	// RequestContext holds keys that replace those of the run's, from here on.
	RequestContext any
	// PerStep pauses the run again after the next node.
	PerStep bool
	// RequestID is as in [RunRequest].
	RequestID string
	// Output is what the answer holds. Not for streams.
	Output OutputOptions
	// Follow is as in [RunRequest].
	Follow bool
}

// A TimeTravelRequest says which replay to make, for TimeTravel and TimeTravelStream. Step is
// required, and one of RunID and WorkflowID.
type TimeTravelRequest struct {
	// RunID is the source: ended, suspended or paused. "": a replay without one.
	RunID      string
	WorkflowID string
	// Step is the target: address of what to execute from.
	Step string
	// InputData is what the target gets; if left out, what it got in the source.
	InputData any
	// ResumeData is the answer for the target if it was suspended, else for the first suspended
	// step the replay reaches.
	ResumeData any
	// InitialState is an object; if left out, the state before the target started in the source.
	InitialState any
	// Context holds records of steps before or beside the target, by address.
	Context map[string]StepResult
	// RequestContext holds keys that replace those of the source's.
	RequestContext any
	// PerStep pauses the replay after the target.
	PerStep bool
	// Force executes an arm although its condition does not hold.
	Force bool
	// AllowDefinitionChange accepts steps before the target in another order.
	AllowDefinitionChange bool
	// NewRunID names the replay; the server makes one if left out.
	NewRunID string
	// RequestID is as in [RunRequest].
	RequestID string
	// Output is what the answer holds. Not for streams.
	Output OutputOptions
	// Tracing is as in [RunRequest].
	Tracing *TracingOptions
	// Follow is as in [RunRequest].
	Follow bool
}

// A StepResult is what a time travel takes as the record of a step, in place of the source's.
type StepResult struct {
	// Output is what the step gave. Required, except for the target.
	Output any
	// Payload is what the step got; for the target, what the target gets.
	Payload any
	// Status may be left out: only success is accepted.
	Status StepStatus
}

// A WatchRunRequest says which events to watch.
type WatchRunRequest struct {
	RunID string
	// AfterSequence is of the newest event you have; 0 for all events.
	AfterSequence int64
	// Follow is as in [RunRequest].
	Follow bool
}

// A CancelRequest says which run to end. Only RunID is required.
type CancelRequest struct {
	RunID string
	// Reason says why, for the run's events.
	Reason string
	// RequestID is as in [RunRequest].
	RequestID string
	// Output is what the answer holds.
	Output OutputOptions
}

// A PauseRequest says which run to stop between two steps. Only RunID is required.
type PauseRequest struct {
	RunID string
	// Reason says why, for the run's events.
	Reason string
	// RequestID is as in [RunRequest].
	RequestID string
	// Output is what the answer holds.
	Output OutputOptions
}

// A ListRunsRequest filters runs: those that match everything that is given.
type ListRunsRequest struct {
	WorkflowID string
	// Statuses: one of these; any if empty.
	Statuses []RunStatus
	// CreatedAfter is inclusive.
	CreatedAfter time.Time
	// CreatedBefore is exclusive.
	CreatedBefore time.Time
	// SourceRunID: only direct replays of this run.
	SourceRunID string
	// RootRunID: only the tree of replays of this run, itself included.
	RootRunID string
	// PageSize is at most 1000; 0 is the server's default.
	PageSize int32
}

// A ListEventsRequest says which stored events to list.
type ListEventsRequest struct {
	RunID string
	// AfterSequence is of the newest event you have; 0 for all events.
	AfterSequence int64
	// PageSize is at most 1000; 0 is the server's default.
	PageSize int32
}

// OutputOptions are what an answer should hold of the run. The zero value: all but state and labels.
type OutputOptions struct {
	// WithoutSteps leaves steps out: the basic view of the protos.
	WithoutSteps        bool
	IncludeState        bool
	IncludeResumeLabels bool
}

// TracingOptions are whose trace a run belongs to, and what its spans carry.
type TracingOptions struct {
	// TraceID takes 32 lower-case hexadecimal digits; "": the server makes one.
	TraceID string
	// ParentSpanID takes 16 of them; "": no span above the run's.
	ParentSpanID string
	// Tags are words to find the trace by.
	Tags []string
	// Metadata is what else the spans carry.
	Metadata map[string]string
	// RequestContextKeys are keys of the request context that the spans carry.
	RequestContextKeys []string
}

// requestID is the id given, or a new one: it makes repeating the call safe.
func requestID(given string) string {
	if given != "" {
		return given
	}
	return rand.Text()
}

func (o OutputOptions) message() *pb.OutputOptions {
	view := pb.RunView_RUN_VIEW_FULL
	if o.WithoutSteps {
		view = pb.RunView_RUN_VIEW_BASIC
	}
	return &pb.OutputOptions{
		View:                view,
		IncludeState:        o.IncludeState,
		IncludeResumeLabels: o.IncludeResumeLabels,
	}
}

func (o *TracingOptions) message() *pb.TracingOptions {
	if o == nil {
		return nil
	}
	return &pb.TracingOptions{
		TraceId:            o.TraceID,
		ParentSpanId:       o.ParentSpanID,
		Tags:               o.Tags,
		Metadata:           o.Metadata,
		RequestContextKeys: o.RequestContextKeys,
	}
}

func (e *encoder) context(given map[string]StepResult) map[string]*pb.StepResult {
	results := make(map[string]*pb.StepResult, len(given))
	for address, result := range given {
		message := &pb.StepResult{
			Output:  e.payload("context["+address+"].output", result.Output),
			Payload: e.payload("context["+address+"].payload", result.Payload),
		}
		if result.Status != "" {
			name := "STEP_STATUS_" + strings.ToUpper(string(result.Status))
			message.Status = pb.StepStatus(pb.StepStatus_value[name]).Enum()
		}
		results[address] = message
	}
	return results
}

func (r ListRunsRequest) message() *pb.ListRunsRequest {
	message := &pb.ListRunsRequest{
		PageSize:      r.PageSize,
		WorkflowId:    r.WorkflowID,
		CreatedAfter:  timestamp(r.CreatedAfter),
		CreatedBefore: timestamp(r.CreatedBefore),
		SourceRunId:   r.SourceRunID,
		RootRunId:     r.RootRunID,
	}
	for _, status := range r.Statuses {
		name := "RUN_STATUS_" + strings.ToUpper(string(status))
		message.Statuses = append(message.Statuses, pb.RunStatus(pb.RunStatus_value[name]))
	}
	return message
}

func timestamp(time time.Time) *timestamppb.Timestamp {
	if time.IsZero() {
		return nil
	}
	return timestamppb.New(time)
}
