package dalsegno_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// quick is patience for tests: short waits, and long enough for a slow machine.
var quick = dalsegno.Patience{
	Connect:  10 * time.Second,
	GiveUp:   10 * time.Second,
	Delay:    time.Millisecond,
	DelayMax: 20 * time.Millisecond,
	Silence:  10 * time.Second,
}

// A fake answers over a real connection as a test says. What it is not told is Unimplemented.
type fake struct {
	pb.UnimplementedRunServiceServer

	run          func(context.Context, *pb.RunRequest) (*pb.Run, error)
	getRun       func(context.Context, *pb.GetRunRequest) (*pb.Run, error)
	waitRun      func(context.Context, *pb.WaitRunRequest) (*pb.Run, error)
	restart      func(context.Context, *pb.RestartRequest) (*pb.Run, error)
	deleteRun    func(context.Context, *pb.DeleteRunRequest) error
	listRuns     func(context.Context, *pb.ListRunsRequest) (*pb.ListRunsResponse, error)
	watch        func(*pb.WatchRunRequest, call) error
	runStream    func(*pb.RunStreamRequest, call) error
	resumeStream func(*pb.ResumeStreamRequest, call) error
	travelStream func(*pb.TimeTravelStreamRequest, call) error
}

// A call is a stream as the server has it.
type call struct {
	ctx  context.Context
	send func(*pb.RunEvent) error
}

// tell sends events in order.
func (c call) tell(events ...*pb.RunEvent) error {
	for _, event := range events {
		if err := c.send(event); err != nil {
			return err
		}
	}
	return nil
}

func (f *fake) Run(ctx context.Context, r *pb.RunRequest) (*pb.RunResponse, error) {
	run, err := f.run(ctx, r)
	return &pb.RunResponse{Run: run}, err
}

func (f *fake) GetRun(ctx context.Context, r *pb.GetRunRequest) (*pb.GetRunResponse, error) {
	run, err := f.getRun(ctx, r)
	return &pb.GetRunResponse{Run: run}, err
}

func (f *fake) WaitRun(ctx context.Context, r *pb.WaitRunRequest) (*pb.WaitRunResponse, error) {
	run, err := f.waitRun(ctx, r)
	return &pb.WaitRunResponse{Run: run}, err
}

func (f *fake) Restart(ctx context.Context, r *pb.RestartRequest) (*pb.RestartResponse, error) {
	run, err := f.restart(ctx, r)
	return &pb.RestartResponse{Run: run}, err
}

func (f *fake) DeleteRun(
	ctx context.Context, r *pb.DeleteRunRequest,
) (*pb.DeleteRunResponse, error) {
	return &pb.DeleteRunResponse{}, f.deleteRun(ctx, r)
}

func (f *fake) ListRuns(ctx context.Context, r *pb.ListRunsRequest) (*pb.ListRunsResponse, error) {
	return f.listRuns(ctx, r)
}

func (f *fake) WatchRun(
	r *pb.WatchRunRequest, s grpc.ServerStreamingServer[pb.WatchRunResponse],
) error {
	return f.watch(r, call{s.Context(), func(event *pb.RunEvent) error {
		return s.Send(&pb.WatchRunResponse{Event: event})
	}})
}

func (f *fake) RunStream(
	r *pb.RunStreamRequest, s grpc.ServerStreamingServer[pb.RunStreamResponse],
) error {
	return f.runStream(r, call{s.Context(), func(event *pb.RunEvent) error {
		return s.Send(&pb.RunStreamResponse{Event: event})
	}})
}

func (f *fake) ResumeStream(
	r *pb.ResumeStreamRequest, s grpc.ServerStreamingServer[pb.ResumeStreamResponse],
) error {
	return f.resumeStream(r, call{s.Context(), func(event *pb.RunEvent) error {
		return s.Send(&pb.ResumeStreamResponse{Event: event})
	}})
}

func (f *fake) TimeTravelStream(
	r *pb.TimeTravelStreamRequest, s grpc.ServerStreamingServer[pb.TimeTravelStreamResponse],
) error {
	return f.travelStream(r, call{s.Context(), func(event *pb.RunEvent) error {
		return s.Send(&pb.TimeTravelStreamResponse{Event: event})
	}})
}

// A host is a place where a fake is served, which can be killed and served again.
type host struct {
	t       *testing.T
	fake    *fake
	options []grpc.ServerOption
	address string

	mutex  sync.Mutex
	server *grpc.Server
}

func serve(t *testing.T, fake *fake, options ...grpc.ServerOption) *host {
	h := &host{t: t, fake: fake, options: options, address: "127.0.0.1:0"}
	h.start()
	t.Cleanup(h.kill)
	return h
}

func (h *host) start() {
	listener, err := net.Listen("tcp", h.address)
	if err != nil {
		h.t.Error(err)
		return
	}
	server := grpc.NewServer(h.options...)
	pb.RegisterRunServiceServer(server, h.fake)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.address, h.server = listener.Addr().String(), server
	go server.Serve(listener)
}

// kill closes every connection, as a process does that dies.
func (h *host) kill() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.server.Stop()
}

func dial(t *testing.T, target string, options ...dalsegno.Option) *dalsegno.Client {
	t.Helper()
	options = append([]dalsegno.Option{dalsegno.WithPatience(quick)}, options...)
	client, err := dalsegno.Dial(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// history is the events of a run that emitted something between its start and its end.
func history(length int64) []*pb.RunEvent {
	events := make([]*pb.RunEvent, 0, length)
	for sequence := range length {
		events = append(events, output(sequence+1))
	}
	events[0].Body = &pb.RunEvent_RunStarted{RunStarted: &pb.RunStarted{}}
	events[length-1].Body = &pb.RunEvent_RunCompleted{
		RunCompleted: &pb.RunCompleted{Result: exact(`"done"`)},
	}
	return events
}

func output(sequence int64) *pb.RunEvent {
	data := exact(fmt.Sprint(sequence))
	return &pb.RunEvent{
		RunId: "r-1", Sequence: sequence, Address: "count",
		Body: &pb.RunEvent_StepOutput{StepOutput: &pb.StepOutput{Data: data}},
	}
}

func exact(text string) *pb.Payload {
	return &pb.Payload{Form: &pb.Payload_Json{Json: []byte(text)}}
}

// refusal is a status with details.
func refusal(code codes.Code, details ...protoadapt.MessageV1) error {
	refused, err := status.New(code, "no").WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return refused.Err()
}

var unavailable = status.Error(codes.Unavailable, "away")
