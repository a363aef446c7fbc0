package dalsegno_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

var watchOne = dalsegno.WatchRunRequest{RunID: "r-1"}

// sequences iterates to the end, or to an error.
func sequences(events iter.Seq2[dalsegno.Event, error]) (got []int64, err error) {
	for event, err := range events {
		if err != nil {
			return got, err
		}
		got = append(got, event.Sequence)
	}
	return got, nil
}

func wantSequences(t *testing.T, events iter.Seq2[dalsegno.Event, error], from, to int64) {
	t.Helper()
	var want []int64
	for sequence := from; sequence <= to; sequence++ {
		want = append(want, sequence)
	}
	got, err := sequences(events)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// breaking plays a history, and fails with an error after each of the sequences given.
func breaking(failure error, after ...int64) func(*pb.WatchRunRequest, call) error {
	all := history(9)
	return func(request *pb.WatchRunRequest, call call) error {
		for _, event := range all[request.GetAfterSequence():] {
			if err := call.tell(event); err != nil {
				return err
			}
			if slices.Contains(after, event.GetSequence()) {
				return failure
			}
		}
		return nil
	}
}

func (ended) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (ended) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (ended) HandleRPC(context.Context, stats.RPCStats)                         {}

func (e ended) HandleConn(_ context.Context, told stats.ConnStats) {
	if _, is := told.(*stats.ConnEnd); is {
		e <- struct{}{}
	}
}

func TestHeartbeatsAndRepeatedEventsAreNotDelivered(t *testing.T) {
	heartbeat := &pb.RunEvent{Body: &pb.RunEvent_Heartbeat{Heartbeat: &pb.Heartbeat{}}}
	all := history(4)
	host := serve(t, &fake{watch: func(_ *pb.WatchRunRequest, call call) error {
		return call.tell(heartbeat, all[0], all[1], heartbeat, all[0], all[1], all[2], all[3])
	}})
	client := dial(t, host.address)

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 4)
}

func TestAGapIsAnErrorAndNoEvent(t *testing.T) {
	host := serve(t, &fake{watch: func(_ *pb.WatchRunRequest, call call) error {
		return call.tell(output(1), output(3))
	}})
	client := dial(t, host.address)

	got, err := sequences(client.WatchRun(t.Context(), watchOne))

	if !errors.Is(err, dalsegno.ReasonEventGap) || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestARefusalEndsTheStreamAtOnce(t *testing.T) {
	var calls atomic.Int32
	host := serve(t, &fake{watch: func(*pb.WatchRunRequest, call) error {
		calls.Add(1)
		return refusal(codes.NotFound, reason("RUN_NOT_FOUND"))
	}})
	client := dial(t, host.address)

	got, err := sequences(client.WatchRun(t.Context(), watchOne))

	if !errors.Is(err, dalsegno.ReasonRunNotFound) || len(got) != 0 || calls.Load() != 1 {
		t.Errorf("got %v, %v after %d calls", got, err, calls.Load())
	}
}

func TestLeavingTheLoopCancelsTheCall(t *testing.T) {
	left := make(chan struct{})
	host := serve(t, &fake{watch: func(_ *pb.WatchRunRequest, call call) error {
		if err := call.tell(output(1)); err != nil {
			return err
		}
		<-call.ctx.Done()
		close(left)
		return nil
	}})
	client := dial(t, host.address)

	for range client.WatchRun(t.Context(), watchOne) {
		break
	}
	<-left
}

func TestAContextThatEndsEndsTheStream(t *testing.T) {
	host := serve(t, &fake{watch: func(_ *pb.WatchRunRequest, call call) error {
		if err := call.tell(output(1)); err != nil {
			return err
		}
		<-call.ctx.Done()
		return nil
	}})
	client := dial(t, host.address)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	var last error
	for _, err := range client.WatchRun(ctx, watchOne) {
		last = err
		cancel()
	}

	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v", last)
	}
}

func TestClosingTheClientEndsItsStreams(t *testing.T) {
	host := serve(t, &fake{watch: func(_ *pb.WatchRunRequest, call call) error {
		if err := call.tell(output(1)); err != nil {
			return err
		}
		<-call.ctx.Done()
		return nil
	}})
	client := dial(t, host.address)

	var last error
	for _, err := range client.WatchRun(t.Context(), watchOne) {
		last = err
		client.Close()
	}

	if !errors.Is(last, dalsegno.ErrClosed) {
		t.Errorf("got %v", last)
	}
	fresh := dial(t, host.address)
	fresh.Close()
	for _, closed := range []*dalsegno.Client{client, fresh} {
		got, err := sequences(closed.WatchRun(t.Context(), watchOne))
		if !errors.Is(err, dalsegno.ErrClosed) || len(got) > 0 {
			t.Errorf("afterwards got %v, %v", got, err)
		}
	}
}

func TestAWatchPassesSuspensionsOfThePastAndKeepsFollowing(t *testing.T) {
	all := history(4)
	all[1].Body = &pb.RunEvent_RunSuspended{RunSuspended: &pb.RunSuspended{}}
	all[2].Body = &pb.RunEvent_RunResumed{RunResumed: &pb.RunResumed{}}
	host := serve(t, &fake{watch: func(request *pb.WatchRunRequest, call call) error {
		if !request.GetFollow() {
			return status.Error(codes.InvalidArgument, "a call that does not follow")
		}
		for _, event := range all[request.GetAfterSequence():] {
			if err := call.tell(event); err != nil {
				return err
			}
			if event.GetSequence() == 2 {
				return unavailable
			}
		}
		return nil
	}})
	client := dial(t, host.address)

	wantSequences(t, client.WatchRun(t.Context(), dalsegno.WatchRunRequest{
		RunID: "r-1", Follow: true,
	}), 1, 4)
}

func TestEachLoopIsAStreamOfItsOwn(t *testing.T) {
	host := serve(t, &fake{watch: breaking(unavailable, 6)})
	client := dial(t, host.address)
	request := dalsegno.WatchRunRequest{RunID: "r-1", AfterSequence: 3}

	events := client.WatchRun(t.Context(), request)

	wantSequences(t, events, 4, 9)
	wantSequences(t, events, 4, 9)
}
