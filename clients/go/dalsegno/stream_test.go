package dalsegno_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

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

func TestAStreamGoesOnAfterTheLastEvent(t *testing.T) {
	for name, failure := range map[string]error{
		"when the server is unavailable":     unavailable,
		"when something else canceled it":    status.Error(codes.Canceled, "not asked for"),
		"when the server is about to stop":   refusal(codes.Unavailable, reason("SHUTTING_DOWN")),
		"when its database does not respond": refusal(codes.Unavailable, reason("STORE_UNAVAILABLE")),
	} {
		t.Run(name, func(t *testing.T) {
			host := serve(t, &fake{watch: breaking(failure, 1, 4, 5, 8)})
			client := dial(t, host.address)

			wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 9)
		})
	}
}

func TestAStreamOutlivesAServerThatIsKilled(t *testing.T) {
	all := history(9)
	host := serve(t, &fake{})
	host.fake.watch = func(request *pb.WatchRunRequest, call call) error {
		if request.GetAfterSequence() > 0 {
			return call.tell(all[request.GetAfterSequence():]...)
		}
		if err := call.tell(all[:4]...); err != nil {
			return err
		}
		<-call.ctx.Done()
		return nil
	}
	client := dial(t, host.address)

	var got []int64
	for event, err := range client.WatchRun(t.Context(), watchOne) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, event.Sequence)
		if event.Sequence == 4 {
			host.kill()
			time.AfterFunc(50*time.Millisecond, host.start)
		}
	}
	if want := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAConnectionThatIsRotatedLosesNothing(t *testing.T) {
	// The goal: a server may end connections that are old. The method: one that ends them sooner
	// than the run tells anything, so that the stream needs two.
	all := history(2)
	var connections atomic.Int32
	host := serve(t, &fake{watch: func(request *pb.WatchRunRequest, call call) error {
		connections.Add(1)
		if err := call.tell(all[request.GetAfterSequence()]); err != nil {
			return err
		}
		if request.GetAfterSequence() == 1 {
			return nil
		}
		<-call.ctx.Done()
		return call.ctx.Err()
	}}, grpc.KeepaliveParams(keepalive.ServerParameters{
		MaxConnectionAge: 20 * time.Millisecond, MaxConnectionAgeGrace: 10 * time.Millisecond,
	}))
	client := dial(t, host.address)

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 2)
	if connections.Load() != 2 {
		t.Errorf("got %d calls, want one for each event", connections.Load())
	}
}

func TestAConnectionCutInTheMiddleOfAMessageIsReplaced(t *testing.T) {
	big := output(2)
	big.Body = &pb.RunEvent_StepOutput{StepOutput: &pb.StepOutput{
		Data: exact(`"` + string(slices.Repeat([]byte("x"), 40_000)) + `"`),
	}}
	all := history(3)
	all[1] = big
	host := serve(t, &fake{watch: func(request *pb.WatchRunRequest, call call) error {
		return call.tell(all[request.GetAfterSequence():]...)
	}})
	client := dial(t, cutOnce(t, host.address, 20_000))

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 3)
}

// cutOnce gives an address from which everything goes on to another one. The first connection ends
// when so many bytes have come back.
func cutOnce(t *testing.T, address string, bytes int64) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for limit := bytes; ; limit = 1 << 40 {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			go io.Copy(server, client)
			go func() {
				io.CopyN(client, server, limit)
				client.Close()
				server.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

// ended is told when a connection ends.
type ended chan struct{}

func (ended) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (ended) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (ended) HandleRPC(context.Context, stats.RPCStats)                         {}

func (e ended) HandleConn(_ context.Context, told stats.ConnStats) {
	if _, is := told.(*stats.ConnEnd); is {
		e <- struct{}{}
	}
}

func TestASilentStreamIsReplacedOnAnotherConnection(t *testing.T) {
	all := history(3)
	ended := make(ended, 9)
	var peers []string
	host := serve(t, &fake{watch: func(request *pb.WatchRunRequest, call call) error {
		from, _ := peer.FromContext(call.ctx)
		peers = append(peers, from.Addr.String())
		if request.GetAfterSequence() > 0 {
			return call.tell(all[request.GetAfterSequence():]...)
		}
		if err := call.tell(all[0]); err != nil {
			return err
		}
		<-call.ctx.Done()
		return nil
	}}, grpc.StatsHandler(ended))
	patience := quick
	patience.Silence = 50 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 3)
	<-ended // the silent one, while the client is open
	if len(peers) != 2 || peers[0] == peers[1] {
		t.Errorf("the calls came from %v, want two connections", peers)
	}
}

func TestAReaderWhoTakesLongIsNotSilent(t *testing.T) {
	var calls atomic.Int32
	read := make(chan struct{})
	host := serve(t, &fake{watch: func(_ *pb.WatchRunRequest, call call) error {
		calls.Add(1)
		if err := call.tell(output(1)); err != nil {
			return err
		}
		<-read
		return call.tell(history(3)[1:]...)
	}})
	patience := quick
	patience.Silence = 50 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))

	for event, err := range client.WatchRun(t.Context(), watchOne) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Sequence == 1 {
			time.Sleep(3 * patience.Silence) // the reader's work, not a wait for anything
			close(read)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("got %d calls, want 1", calls.Load())
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

func TestAStreamGivesUpWhenPatienceHasEnded(t *testing.T) {
	host := serve(t, &fake{watch: breaking(unavailable, 2)})
	patience := quick
	patience.GiveUp = 100 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))

	got := 0
	var last error
	var killed time.Time
	for _, err := range client.WatchRun(t.Context(), watchOne) {
		if last = err; err == nil {
			got++
			if got == 2 {
				host.kill()
				killed = time.Now()
			}
		}
	}

	if status.Code(last) != codes.Unavailable || got != 2 {
		t.Errorf("got %d events, %v", got, last)
	}
	if waited := time.Since(killed); waited > quick.Connect/2 {
		t.Errorf("waited %v, want about %v", waited, patience.GiveUp)
	}
}

func TestPatienceBeginsAnewWithEachEvent(t *testing.T) {
	delay := &errdetails.RetryInfo{RetryDelay: durationpb.New(50 * time.Millisecond)}
	failure := refusal(codes.Unavailable, delay)
	host := serve(t, &fake{
		watch: breaking(failure, 1, 2, 3, 4, 5, 6, 7, 8),
		getRun: func(context.Context, *pb.GetRunRequest) (*pb.Run, error) {
			return &pb.Run{}, nil
		},
	})
	patience := quick
	patience.GiveUp = 200 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))
	if _, err := client.GetRun(t.Context(), "r-1"); err != nil {
		t.Fatal(err) // from now on the server is known, and GiveUp is what counts
	}

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 9)
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
