package dalsegno

import (
	"context"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// Run runs a workflow; the run at rest. A run that failed is an answer and no error.
func (c *Client) Run(ctx context.Context, request RunRequest) (*Run, error) {
	var e encoder
	message := &pb.RunRequest{
		WorkflowId:     request.WorkflowID,
		InputData:      e.payload("input_data", request.InputData),
		RunId:          request.RunID,
		RequestId:      requestID(request.RequestID),
		InitialState:   e.payload("initial_state", request.InitialState),
		RequestContext: e.payload("request_context", request.RequestContext),
		PerStep:        request.PerStep,
		Output:         request.Output.message(),
		Tracing:        request.Tracing.message(),
	}
	if e.err != nil {
		return nil, e.err
	}
	return runOf(call(ctx, c.connection, c.connection.calls.runs.Run, message))
}

// StartRun starts a workflow; the run, as soon as it is durable.
func (c *Client) StartRun(ctx context.Context, request RunRequest) (*Run, error) {
	var e encoder
	message := &pb.StartRunRequest{
		WorkflowId:     request.WorkflowID,
		InputData:      e.payload("input_data", request.InputData),
		RunId:          request.RunID,
		RequestId:      requestID(request.RequestID),
		InitialState:   e.payload("initial_state", request.InitialState),
		RequestContext: e.payload("request_context", request.RequestContext),
		PerStep:        request.PerStep,
		Output:         request.Output.message(),
		Tracing:        request.Tracing.message(),
	}
	if e.err != nil {
		return nil, e.err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return runOf(call(ctx, c.connection, c.connection.calls.runs.StartRun, message))
}

// Resume lets a suspended run go on with resume data, or a paused one without; the run at rest.
func (c *Client) Resume(ctx context.Context, request ResumeRequest) (*Run, error) {
	var e encoder
	message := &pb.ResumeRequest{
		RunId:          request.RunID,
		Step:           request.Step,
		Label:          request.Label,
		ResumeData:     e.payload("resume_data", request.ResumeData),
		RequestContext: e.payload("request_context", request.RequestContext),
		PerStep:        request.PerStep,
		RequestId:      requestID(request.RequestID),
		Output:         request.Output.message(),
	}
	if e.err != nil {
		return nil, e.err
	}
	return runOf(call(ctx, c.connection, c.connection.calls.runs.Resume, message))
}

// TimeTravel makes a replay: a new run from a step of an old one. The replay at rest.
//
// The source stays as it is. What lies before the step is taken from it.
func (c *Client) TimeTravel(ctx context.Context, request TimeTravelRequest) (*Run, error) {
	var e encoder
	message := &pb.TimeTravelRequest{
		RunId:                 request.RunID,
		WorkflowId:            request.WorkflowID,
		Step:                  request.Step,
		InputData:             e.payload("input_data", request.InputData),
		ResumeData:            e.payload("resume_data", request.ResumeData),
		InitialState:          e.payload("initial_state", request.InitialState),
		Context:               e.context(request.Context),
		RequestContext:        e.payload("request_context", request.RequestContext),
		PerStep:               request.PerStep,
		Force:                 request.Force,
		AllowDefinitionChange: request.AllowDefinitionChange,
		NewRunId:              request.NewRunID,
		RequestId:             requestID(request.RequestID),
		Output:                request.Output.message(),
		Tracing:               request.Tracing.message(),
	}
	if e.err != nil {
		return nil, e.err
	}
	return runOf(call(ctx, c.connection, c.connection.calls.runs.TimeTravel, message))
}

// runOf is the run of an answer, or the error of the call.
func runOf(answer interface{ GetRun() *pb.Run }, err error) (*Run, error) {
	if err != nil {
		return nil, err
	}
	var d decoder
	run := d.run(answer.GetRun())
	if d.err != nil {
		return nil, d.err
	}
	return run, nil
}
