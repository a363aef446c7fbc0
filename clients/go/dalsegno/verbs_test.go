package dalsegno_test

import (
	"context"
	"iter"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// TestEveryVerbSendsAndAnswersEveryField asks each verb for all there is.
//
// The goal: no RPC and no field of the protos is forgotten. The method: a server that knows only
// their descriptors, remembers each request, and answers with every field set.
func TestEveryVerbSendsAndAnswersEveryField(t *testing.T) {
	asked := map[protoreflect.Name]proto.Message{}
	client := dial(t, serveDescriptors(t, asked))

	for name, ask := range everyVerb(t.Context(), client) {
		answer, err := ask()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if answer != nil {
			wantFull(t, string(name), reflect.ValueOf(answer))
		}
		if asked[name] == nil {
			t.Errorf("%s asked for something else", name)
			continue
		}
		wantSet(t, asked[name].ProtoReflect())
	}

	services := []protoreflect.ServiceDescriptor{
		pb.File_dalsegno_v1_run_service_proto.Services().Get(0),
		pb.File_dalsegno_v1_workflow_service_proto.Services().Get(0),
	}
	for _, service := range services {
		for i := range service.Methods().Len() {
			if name := service.Methods().Get(i).Name(); asked[name] == nil {
				t.Errorf("%s has no verb", name)
			}
		}
	}
}

func serveDescriptors(t *testing.T, asked map[protoreflect.Name]proto.Message) string {
	answer := func(_ any, stream grpc.ServerStream) error {
		path, _ := grpc.MethodFromServerStream(stream)
		name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "."))
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			return err
		}
		method := found.(protoreflect.MethodDescriptor)
		request, answer := empty(method.Input()), empty(method.Output())
		if err := stream.RecvMsg(request.Interface()); err != nil {
			return err
		}
		asked[method.Name()] = request.Interface()
		fill(answer, 4)
		// The second page is the last.
		token := method.Input().Fields().ByName("page_token")
		if token != nil && request.Has(token) {
			answer.Clear(method.Output().Fields().ByName("next_page_token"))
		}
		return stream.SendMsg(answer.Interface())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(answer))
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func empty(message protoreflect.MessageDescriptor) protoreflect.Message {
	found, err := protoregistry.GlobalTypes.FindMessageByName(message.FullName())
	if err != nil {
		panic(err)
	}
	return found.New()
}

// everyVerb asks for everything a verb can be asked for. Those without an answer to look at give
// nil.
func everyVerb(
	ctx context.Context, client *dalsegno.Client,
) map[protoreflect.Name]func() (any, error) {
	run, resume, travel := fullRequests()
	output := run.Output
	return map[protoreflect.Name]func() (any, error){
		"Run":              func() (any, error) { return client.Run(ctx, run) },
		"StartRun":         func() (any, error) { return client.StartRun(ctx, run) },
		"RunStream":        func() (any, error) { return first(client.RunStream(ctx, run)) },
		"Resume":           func() (any, error) { return client.Resume(ctx, resume) },
		"ResumeStream":     func() (any, error) { return first(client.ResumeStream(ctx, resume)) },
		"TimeTravel":       func() (any, error) { return client.TimeTravel(ctx, travel) },
		"TimeTravelStream": func() (any, error) { return first(client.TimeTravelStream(ctx, travel)) },
		"WatchRun": func() (any, error) {
			return first(client.WatchRun(ctx, dalsegno.WatchRunRequest{
				RunID: "x", AfterSequence: 1, Follow: true,
			}))
		},
		"WaitRun": func() (any, error) { return client.WaitRun(ctx, "x", output) },
		"GetRun":  func() (any, error) { return client.GetRun(ctx, "x", output) },
		"Restart": func() (any, error) { return client.Restart(ctx, "x", output) },
		"Cancel": func() (any, error) {
			return client.Cancel(ctx, dalsegno.CancelRequest{RunID: "x", Reason: "x", Output: output})
		},
		"Pause": func() (any, error) {
			return client.Pause(ctx, dalsegno.PauseRequest{RunID: "x", Reason: "x", Output: output})
		},
		"RestartActive": func() (any, error) { return client.RestartActive(ctx, "x") },
		"DeleteRun":     func() (any, error) { return nil, client.DeleteRun(ctx, "x") },
		"ListRuns": func() (any, error) {
			_, err := first(client.ListRuns(ctx, dalsegno.ListRunsRequest{
				WorkflowID: "x", Statuses: []dalsegno.RunStatus{dalsegno.RunStatusFailed},
				CreatedAfter: time.Now(), CreatedBefore: time.Now(), SourceRunID: "x",
				RootRunID: "x", PageSize: 1,
			}))
			return nil, err
		},
		"ListSteps": func() (any, error) { return first(client.ListSteps(ctx, "x")) },
		"ListEvents": func() (any, error) {
			_, err := first(client.ListEvents(ctx, dalsegno.ListEventsRequest{
				RunID: "x", AfterSequence: 1, PageSize: 1,
			}))
			return nil, err
		},
		"GetLineage":    func() (any, error) { return client.GetLineage(ctx, "x") },
		"ListWorkflows": func() (any, error) { return first(client.ListWorkflows(ctx)) },
		"GetWorkflow":   func() (any, error) { return client.GetWorkflow(ctx, "x") },
	}
}

// first iterates to the end; the first item, or nil.
func first[Item any](items iter.Seq2[Item, error]) (any, error) {
	var found any
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = item
		}
	}
	return found, nil
}

func wantSet(t *testing.T, message protoreflect.Message) {
	t.Helper()
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case field.ContainingOneof() != nil && !field.HasOptionalKeyword():
		case strings.HasPrefix(string(field.Name()), "page_"): // the iterators' own
		case !message.Has(field):
			t.Errorf("%s is not sent", field.FullName())
		case field.IsMap() && field.MapValue().Message() != nil:
			wantSet(t, message.Get(field).Map().Get(protoreflect.ValueOf("x").MapKey()).Message())
		case field.Message() != nil && !field.IsMap():
			wantSet(t, message.Get(field).Message())
		}
	}
}

func fullRequests() (dalsegno.RunRequest, dalsegno.ResumeRequest, dalsegno.TimeTravelRequest) {
	output := dalsegno.OutputOptions{
		WithoutSteps: true, IncludeState: true, IncludeResumeLabels: true,
	}
	tracing := &dalsegno.TracingOptions{
		TraceID: "x", ParentSpanID: "x", Tags: []string{"x"},
		Metadata: map[string]string{"x": "x"}, RequestContextKeys: []string{"x"},
	}
	context := map[string]dalsegno.StepResult{
		"x": {Output: 1, Payload: 1, Status: dalsegno.StepStatusSuccess},
	}
	return dalsegno.RunRequest{
			WorkflowID: "x", InputData: 1, RunID: "x", InitialState: 1, RequestContext: 1,
			PerStep: true, Output: output, Tracing: tracing, Follow: true,
		}, dalsegno.ResumeRequest{
			RunID: "x", Step: "x", Label: "x", ResumeData: 1, RequestContext: 1,
			PerStep: true, Output: output, Follow: true,
		}, dalsegno.TimeTravelRequest{
			RunID: "x", WorkflowID: "x", Step: "x", InputData: 1, ResumeData: 1, InitialState: 1,
			Context: context, RequestContext: 1, PerStep: true, Force: true,
			AllowDefinitionChange: true, NewRunID: "x", Output: output, Tracing: tracing,
			Follow: true,
		}
}
