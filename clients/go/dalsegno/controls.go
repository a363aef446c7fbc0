package dalsegno

import (
	"context"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// Cancel ends a run as canceled; the run. One that is canceled already is answered as it is.
func (c *Client) Cancel(ctx context.Context, request CancelRequest) (*Run, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return runOf(call(ctx, c.connection, c.connection.calls.runs.Cancel, &pb.CancelRequest{
		RunId:     request.RunID,
		Reason:    request.Reason,
		RequestId: requestID(request.RequestID),
		Output:    request.Output.message(),
	}))
}

// Pause asks a run to stop between two steps; the run as it is, maybe still running.
//
// WaitRun tells when it has stopped, Resume lets it go on.
func (c *Client) Pause(ctx context.Context, request PauseRequest) (*Run, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return runOf(call(ctx, c.connection, c.connection.calls.runs.Pause, &pb.PauseRequest{
		RunId:     request.RunID,
		Reason:    request.Reason,
		RequestId: requestID(request.RequestID),
		Output:    request.Output.message(),
	}))
}

// Restart lets a run go on whose server died; the run at rest. Servers do this by themselves; the
// call asks for it now. Of several output options the last counts.
func (c *Client) Restart(ctx context.Context, runID string, output ...OutputOptions) (*Run, error) {
	answer, isSettled, err := settle(
		ctx, c.connection, c.connection.calls.runs.Restart,
		&pb.RestartRequest{RunId: runID, Output: last(output).message()},
		ReasonRunActive,
	)
	if isSettled {
		return c.WaitRun(ctx, runID, output...)
	}
	return runOf(answer, err)
}

// RestartActive restarts every run that a dead server left unfinished, or those of one workflow if
// workflowID is not "".
func (c *Client) RestartActive(ctx context.Context, workflowID string) (*Restarted, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	request := &pb.RestartActiveRequest{WorkflowId: workflowID}
	answer, err := call(ctx, c.connection, c.connection.calls.runs.RestartActive, request)
	if err != nil {
		return nil, err
	}
	return restarted(answer), nil
}

// DeleteRun deletes a run with its records and events. It is refused with [ReasonRunActive] while
// the run is pending, running or waiting, and with [ReasonRunHasReplays] while replays share its
// history.
func (c *Client) DeleteRun(ctx context.Context, runID string) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	_, _, err := settle(
		ctx, c.connection, c.connection.calls.runs.DeleteRun,
		&pb.DeleteRunRequest{RunId: runID},
		ReasonRunNotFound,
	)
	return err
}
