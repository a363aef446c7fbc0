package dalsegno

import pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"

// event is of an event, not of a heartbeat, which is none.
func (d *decoder) event(message *pb.RunEvent) Event {
	return Event{
		RunID:    message.GetRunId(),
		Sequence: message.GetSequence(),
		Time:     moment(message.GetTime()),
		Address:  message.GetAddress(),
		Body:     d.eventBody(message),
	}
}

func (d *decoder) eventBody(message *pb.RunEvent) EventBody {
	switch body := message.GetBody().(type) {
	case *pb.RunEvent_RunStarted:
		return RunStarted{
			WorkflowID:     body.RunStarted.GetWorkflowId(),
			DefinitionHash: body.RunStarted.GetDefinitionHash(),
			Input:          d.payload(body.RunStarted.GetInput()),
			Lineage:        lineage(body.RunStarted.GetLineage()),
		}
	case *pb.RunEvent_RunResumed:
		return RunResumed{
			Addresses:  body.RunResumed.GetAddresses(),
			ResumeData: d.payload(body.RunResumed.GetResumeData()),
		}
	case *pb.RunEvent_RunRestarted:
		return RunRestarted{}
	case *pb.RunEvent_RunWaiting:
		return RunWaiting{DueTime: moment(body.RunWaiting.GetDueTime())}
	case *pb.RunEvent_RunSuspended:
		return RunSuspended{Addresses: body.RunSuspended.GetAddresses()}
	case *pb.RunEvent_RunPaused:
		return RunPaused{
			Addresses: body.RunPaused.GetAddresses(), Reason: body.RunPaused.GetReason(),
		}
	case *pb.RunEvent_RunCompleted:
		return RunCompleted{Result: d.payload(body.RunCompleted.GetResult())}
	case *pb.RunEvent_RunFailed:
		return RunFailed{Error: failure(body.RunFailed.GetError())}
	case *pb.RunEvent_RunCanceled:
		return RunCanceled{Reason: body.RunCanceled.GetReason()}
	default:
		return d.stepEventBody(message)
	}
}

func (d *decoder) stepEventBody(message *pb.RunEvent) EventBody {
	switch body := message.GetBody().(type) {
	case *pb.RunEvent_StepStarted:
		return StepStarted{
			Input:      d.payload(body.StepStarted.GetInput()),
			Attempt:    int(body.StepStarted.GetAttempt()),
			ResumeData: d.payload(body.StepStarted.GetResumeData()),
		}
	case *pb.RunEvent_StepOutput:
		return StepOutput{Data: d.payload(body.StepOutput.GetData())}
	case *pb.RunEvent_StepProgress:
		return StepProgress{
			Done: int(body.StepProgress.GetDone()), Total: int(body.StepProgress.GetTotal()),
		}
	case *pb.RunEvent_StepRetrying:
		return StepRetrying{
			Attempt: int(body.StepRetrying.GetAttempt()),
			Error:   failure(body.StepRetrying.GetError()),
			DueTime: moment(body.StepRetrying.GetDueTime()),
		}
	case *pb.RunEvent_StepWaiting:
		return StepWaiting{DueTime: moment(body.StepWaiting.GetDueTime())}
	case *pb.RunEvent_StepSuspended:
		return StepSuspended{
			Payload: d.payload(body.StepSuspended.GetPayload()),
			Label:   body.StepSuspended.GetLabel(),
		}
	case *pb.RunEvent_StepSkipped:
		return StepSkipped{}
	case *pb.RunEvent_StepCompleted:
		return StepCompleted{Output: d.payload(body.StepCompleted.GetOutput())}
	case *pb.RunEvent_StepFailed:
		return StepFailed{
			Error:   failure(body.StepFailed.GetError()),
			Attempt: int(body.StepFailed.GetAttempt()),
		}
	case *pb.RunEvent_StepCanceled:
		return StepCanceled{}
	default:
		return UnknownEvent{}
	}
}
