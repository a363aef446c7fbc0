package dalsegno

import (
	"context"
	"iter"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// WatchRun is the events of a run after a sequence, those of the past first, each exactly once.
//
//	for event, err := range client.WatchRun(ctx, dalsegno.WatchRunRequest{RunID: id}) {
//		if err != nil {
//			return err
//		}
//		...
//	}
//
// The stream ends when the run is at rest; with Follow it stays open while the run is suspended or
// paused, until it has ended. A connection that is lost, cut by the server or silent is replaced by
// another one, which goes on after the last event.
//
// An error ends the loop: a refusal, that of the context, [ErrClosed], code Unavailable when the
// server stayed away for longer than [Patience] allows, or [ReasonEventGap]. Leaving the loop
// cancels the call; the run goes on. Each loop over the sequence is a stream of its own.
func (c *Client) WatchRun(ctx context.Context, request WatchRunRequest) iter.Seq2[Event, error] {
	return c.stream(ctx, stream{
		runID: request.RunID, last: request.AfterSequence, follow: request.Follow,
	})
}

// RunStream runs a workflow; the run's events. See [Client.Run] and [Client.WatchRun].
//
// The run starts when the sequence is first iterated; a further loop gives the same run's events.
func (c *Client) RunStream(ctx context.Context, request RunRequest) iter.Seq2[Event, error] {
	var e encoder
	message := &pb.RunStreamRequest{
		WorkflowId:     request.WorkflowID,
		InputData:      e.payload("input_data", request.InputData),
		RunId:          request.RunID,
		RequestId:      requestID(request.RequestID),
		InitialState:   e.payload("initial_state", request.InitialState),
		RequestContext: e.payload("request_context", request.RequestContext),
		PerStep:        request.PerStep,
		Tracing:        request.Tracing.message(),
		Follow:         request.Follow,
	}
	return c.stream(ctx, stream{
		err: e.err, follow: request.Follow,
		ask: func(ctx context.Context, runs pb.RunServiceClient) (receiver, error) {
			return receiving(runs.RunStream(ctx, message))
		},
	})
}

// ResumeStream lets a suspended or paused run go on; its events from there on. See [Client.Resume]
// and [Client.WatchRun].
//
// The run goes on when the sequence is first iterated.
func (c *Client) ResumeStream(
	ctx context.Context, request ResumeRequest,
) iter.Seq2[Event, error] {
	var e encoder
	message := &pb.ResumeStreamRequest{
		RunId:          request.RunID,
		Step:           request.Step,
		Label:          request.Label,
		ResumeData:     e.payload("resume_data", request.ResumeData),
		RequestContext: e.payload("request_context", request.RequestContext),
		PerStep:        request.PerStep,
		RequestId:      requestID(request.RequestID),
		Follow:         request.Follow,
	}
	return c.stream(ctx, stream{
		err: e.err, last: unknown, follow: request.Follow,
		ask: func(ctx context.Context, runs pb.RunServiceClient) (receiver, error) {
			return receiving(runs.ResumeStream(ctx, message))
		},
	})
}

// TimeTravelStream makes a replay; its events. See [Client.TimeTravel] and [Client.WatchRun].
//
// The replay is made when the sequence is first iterated; a further loop gives the same replay's
// events.
func (c *Client) TimeTravelStream(
	ctx context.Context, request TimeTravelRequest,
) iter.Seq2[Event, error] {
	var e encoder
	message := &pb.TimeTravelStreamRequest{
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
		Tracing:               request.Tracing.message(),
		Follow:                request.Follow,
	}
	return c.stream(ctx, stream{
		err: e.err, follow: request.Follow,
		ask: func(ctx context.Context, runs pb.RunServiceClient) (receiver, error) {
			return receiving(runs.TimeTravelStream(ctx, message))
		},
	})
}
