package dalsegno

import (
	"context"
	"iter"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// GetRun answers with a run as it is now. Of several output options the last counts.
func (c *Client) GetRun(ctx context.Context, runID string, output ...OutputOptions) (*Run, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	request := &pb.GetRunRequest{RunId: runID, Output: last(output).message()}
	return runOf(call(ctx, c.connection, c.connection.calls.runs.GetRun, request))
}

// WaitRun answers with a run, once it is at rest: ended, suspended or paused. When the context ends
// before, the run goes on. Of several output options the last counts.
func (c *Client) WaitRun(ctx context.Context, runID string, output ...OutputOptions) (*Run, error) {
	request := &pb.WaitRunRequest{RunId: runID, Output: last(output).message()}
	return runOf(call(ctx, c.connection, c.connection.calls.runs.WaitRun, request))
}

// ListRuns lists runs, newest first, without steps and state. As all lists, it asks for pages as
// the loop gets to them, and ends after an error.
func (c *Client) ListRuns(ctx context.Context, request ListRunsRequest) iter.Seq2[*Run, error] {
	return pages(ctx, c, func(ctx context.Context, token string) ([]*pb.Run, string, error) {
		message := request.message()
		message.PageToken = token
		answer, err := call(ctx, c.connection, c.connection.calls.runs.ListRuns, message)
		return answer.GetRuns(), answer.GetNextPageToken(), err
	}, (*decoder).run)
}

// ListSteps lists the records of a run with all their payloads, in execution order, reused ones
// first.
func (c *Client) ListSteps(ctx context.Context, runID string) iter.Seq2[*Step, error] {
	return pages(ctx, c, func(ctx context.Context, token string) ([]*pb.StepRecord, string, error) {
		message := &pb.ListStepsRequest{RunId: runID, PageToken: token}
		answer, err := call(ctx, c.connection, c.connection.calls.runs.ListSteps, message)
		return answer.GetSteps(), answer.GetNextPageToken(), err
	}, (*decoder).step)
}

// ListEvents lists the stored events of a run, oldest first. It does not wait for more.
func (c *Client) ListEvents(
	ctx context.Context, request ListEventsRequest,
) iter.Seq2[Event, error] {
	return pages(ctx, c, func(ctx context.Context, token string) ([]*pb.RunEvent, string, error) {
		message := &pb.ListEventsRequest{
			RunId:         request.RunID,
			AfterSequence: request.AfterSequence,
			PageSize:      request.PageSize,
			PageToken:     token,
		}
		answer, err := call(ctx, c.connection, c.connection.calls.runs.ListEvents, message)
		return answer.GetEvents(), answer.GetNextPageToken(), err
	}, (*decoder).event)
}

// GetLineage answers with the whole tree of runs a run belongs to: parents before children, oldest
// first.
func (c *Client) GetLineage(ctx context.Context, runID string) ([]LineageRun, error) {
	var tree []LineageRun
	next := func(ctx context.Context, token string) ([]*pb.LineageRun, string, error) {
		message := &pb.GetLineageRequest{RunId: runID, PageToken: token}
		answer, err := call(ctx, c.connection, c.connection.calls.runs.GetLineage, message)
		return answer.GetRuns(), answer.GetNextPageToken(), err
	}
	for run, err := range pages(ctx, c, next, (*decoder).lineageRun) {
		if err != nil {
			return nil, err
		}
		tree = append(tree, run)
	}
	return tree, nil
}

// ListWorkflows lists the workflows the server executes, by id, without schemas and nodes.
func (c *Client) ListWorkflows(ctx context.Context) iter.Seq2[*Workflow, error] {
	return pages(ctx, c, func(ctx context.Context, token string) ([]*pb.Workflow, string, error) {
		message := &pb.ListWorkflowsRequest{PageToken: token}
		answer, err := call(ctx, c.connection, c.connection.calls.workflows.ListWorkflows, message)
		return answer.GetWorkflows(), answer.GetNextPageToken(), err
	}, (*decoder).workflow)
}

// GetWorkflow answers with a workflow, its schemas and its graph.
func (c *Client) GetWorkflow(ctx context.Context, workflowID string) (*Workflow, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	request := &pb.GetWorkflowRequest{WorkflowId: workflowID}
	answer, err := call(ctx, c.connection, c.connection.calls.workflows.GetWorkflow, request)
	if err != nil {
		return nil, err
	}
	var d decoder
	workflow := d.workflow(answer.GetWorkflow())
	if d.err != nil {
		return nil, d.err
	}
	return workflow, nil
}

// pages is the sequence of all items on all pages. The time-out of the client is of each page.
func pages[Message, Item any](
	ctx context.Context,
	c *Client,
	next func(ctx context.Context, token string) ([]Message, string, error),
	decode func(*decoder, Message) Item,
) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var none Item
		token := ""
		for {
			bounded, cancel := c.bounded(ctx)
			messages, following, err := next(bounded, token)
			cancel()
			if err != nil {
				yield(none, err)
				return
			}
			for _, message := range messages {
				var d decoder
				item := decode(&d, message)
				if d.err != nil {
					yield(none, d.err)
					return
				}
				if !yield(item, nil) {
					return
				}
			}
			if following == "" {
				return
			}
			token = following
		}
	}
}

func last(output []OutputOptions) OutputOptions {
	if len(output) == 0 {
		return OutputOptions{}
	}
	return output[len(output)-1]
}
