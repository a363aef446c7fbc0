package dalsegno

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

func (d *decoder) run(message *pb.Run) *Run {
	run := &Run{
		RunID:             message.GetRunId(),
		WorkflowID:        message.GetWorkflowId(),
		DefinitionHash:    message.GetDefinitionHash(),
		Status:            runStatus(message.GetStatus()),
		Input:             d.payload(message.GetInput()),
		Result:            d.payload(message.GetResult()),
		Error:             failure(message.GetError()),
		State:             d.payload(message.GetState()),
		Labels:            message.GetLabels(),
		Lineage:           lineage(message.GetLineage()),
		DefinitionChanged: message.GetDefinitionChanged(),
		RequestContext:    d.payload(message.GetRequestContext()),
		CreateTime:        moment(message.GetCreateTime()),
		StartTime:         moment(message.GetStartTime()),
		EndTime:           moment(message.GetEndTime()),
		DueTime:           moment(message.GetDueTime()),
		NewestSequence:    message.GetNewestSequence(),
		StepsTruncated:    message.GetStepsTruncated(),
		TraceID:           message.GetTraceId(),
		Tracing:           tracing(message.GetTracing()),
	}
	for _, record := range message.GetSteps() {
		run.Steps = append(run.Steps, d.step(record))
	}
	slices.SortFunc(run.Steps, byExecution)
	for _, suspended := range message.GetSuspensions() {
		run.Suspensions = append(run.Suspensions, Suspension{
			Address:      suspended.GetAddress(),
			Label:        suspended.GetLabel(),
			Payload:      d.payload(suspended.GetPayload()),
			SuspendTime:  moment(suspended.GetSuspendTime()),
			ResumeSchema: d.payload(suspended.GetResumeSchema()),
		})
	}
	return run
}

func (d *decoder) step(message *pb.StepRecord) *Step {
	step := &Step{
		Address:         message.GetAddress(),
		StepID:          message.GetStepId(),
		Kind:            nodeKind(message.GetKind()),
		Status:          StepStatus(enumName(message.GetStatus().String(), "STEP_STATUS_")),
		Input:           d.payload(message.GetInput()),
		Output:          d.payload(message.GetOutput()),
		Error:           failure(message.GetError()),
		SuspendPayload:  d.payload(message.GetSuspendPayload()),
		SuspendLabel:    message.GetSuspendLabel(),
		SuspendTime:     moment(message.GetSuspendTime()),
		ResumeTime:      moment(message.GetResumeTime()),
		ResumeData:      d.payload(message.GetResumeData()),
		StartTime:       moment(message.GetStartTime()),
		EndTime:         moment(message.GetEndTime()),
		DueTime:         moment(message.GetDueTime()),
		ReusedFromRunID: message.GetReusedFromRunId(),
		Given:           message.GetGiven(),
		FirstSequence:   message.GetFirstSequence(),
	}
	if message.Iteration != nil {
		iteration := int(message.GetIteration())
		step.Iteration = &iteration
	}
	for _, attempt := range message.GetAttempts() {
		step.Attempts = append(step.Attempts, Attempt{
			Number:    int(attempt.GetNumber()),
			StartTime: moment(attempt.GetStartTime()),
			EndTime:   moment(attempt.GetEndTime()),
			Error:     failure(attempt.GetError()),
		})
	}
	return step
}

// byExecution puts reused records first. They may come from several runs, each with sequences of
// its own, so that times order them; records without a time were given or not run, and come first.
func byExecution(a, b *Step) int {
	isOwn := func(step *Step) int { return cmp.Compare(len(step.ReusedFromRunID), 0) }
	if order := cmp.Compare(isOwn(b), isOwn(a)); order != 0 {
		return order
	}
	if a.ReusedFromRunID != "" {
		if order := a.StartTime.Compare(b.StartTime); order != 0 {
			return order
		}
	}
	return cmp.Or(cmp.Compare(a.FirstSequence, b.FirstSequence), cmp.Compare(a.Address, b.Address))
}

func (d *decoder) workflow(message *pb.Workflow) *Workflow {
	return &Workflow{
		WorkflowID:     message.GetWorkflowId(),
		DefinitionHash: message.GetDefinitionHash(),
		Description:    message.GetDescription(),
		InputSchema:    d.payload(message.GetInputSchema()),
		OutputSchema:   d.payload(message.GetOutputSchema()),
		StateSchema:    d.payload(message.GetStateSchema()),
		Nodes:          d.nodes(message.GetNodes()),
	}
}

func (d *decoder) nodes(messages []*pb.Node) []Node {
	nodes := make([]Node, 0, len(messages))
	for _, message := range messages {
		nodes = append(nodes, Node{
			Address:       message.GetAddress(),
			Kind:          nodeKind(message.GetKind()),
			Description:   message.GetDescription(),
			Nodes:         d.nodes(message.GetNodes()),
			InputSchema:   d.payload(message.GetInputSchema()),
			OutputSchema:  d.payload(message.GetOutputSchema()),
			ResumeSchema:  d.payload(message.GetResumeSchema()),
			Retry:         retry(message.GetRetry()),
			Timeout:       message.GetTimeout().AsDuration(),
			MaxIterations: int(message.GetMaxIterations()),
			Concurrency:   int(message.GetConcurrency()),
		})
	}
	return nodes
}

func retry(message *pb.RetryPolicy) *RetryPolicy {
	if message == nil {
		return nil
	}
	return &RetryPolicy{
		MaxAttempts:     int(message.GetMaxAttempts()),
		InitialInterval: message.GetInitialInterval().AsDuration(),
		Backoff:         message.GetBackoff(),
		MaxInterval:     message.GetMaxInterval().AsDuration(),
		NonRetryable:    message.GetNonRetryable(),
	}
}

func lineage(message *pb.Lineage) *Lineage {
	if message == nil {
		return nil
	}
	return &Lineage{
		SourceRunID: message.GetSourceRunId(),
		Step:        message.GetStep(),
		RootRunID:   message.GetRootRunId(),
		Depth:       int(message.GetDepth()),
		Overrides:   message.GetOverrides(),
	}
}

func (*decoder) lineageRun(message *pb.LineageRun) LineageRun {
	return LineageRun{
		RunID:       message.GetRunId(),
		WorkflowID:  message.GetWorkflowId(),
		Status:      runStatus(message.GetStatus()),
		CreateTime:  moment(message.GetCreateTime()),
		SourceRunID: message.GetSourceRunId(),
		Step:        message.GetStep(),
		Depth:       int(message.GetDepth()),
	}
}

func restarted(message *pb.RestartActiveResponse) *Restarted {
	all := &Restarted{RunIDs: message.GetRunIds()}
	for _, failed := range message.GetFailures() {
		reason := strings.TrimPrefix(failed.GetReason().String(), "ERROR_REASON_")
		all.Failures = append(all.Failures, RestartFailure{
			RunID: failed.GetRunId(), Reason: Reason(reason), Message: failed.GetMessage(),
		})
	}
	return all
}

func tracing(message *pb.TracingOptions) *TracingOptions {
	if message == nil {
		return nil
	}
	return &TracingOptions{
		TraceID:            message.GetTraceId(),
		ParentSpanID:       message.GetParentSpanId(),
		Tags:               message.GetTags(),
		Metadata:           message.GetMetadata(),
		RequestContextKeys: message.GetRequestContextKeys(),
	}
}

func failure(message *pb.Error) *Failure {
	if message == nil {
		return nil
	}
	return &Failure{
		Type:      message.GetType(),
		Message:   message.GetMessage(),
		Retryable: message.GetRetryable(),
		Cause:     failure(message.GetCause()),
	}
}

// moment is the zero time where there is none; AsTime would give 1970.
func moment(message *timestamppb.Timestamp) time.Time {
	if message == nil {
		return time.Time{}
	}
	return message.AsTime()
}

func runStatus(value pb.RunStatus) RunStatus {
	return RunStatus(enumName(value.String(), "RUN_STATUS_"))
}

func nodeKind(value pb.NodeKind) NodeKind {
	return NodeKind(enumName(value.String(), "NODE_KIND_"))
}

func enumName(name, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(name, prefix))
}
