package dalsegno_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

func TestACallIsRepeatedWithItsRequestIDWhileTheServerIsAway(t *testing.T) {
	var ids []string
	host := serve(t, &fake{run: func(_ context.Context, request *pb.RunRequest) (*pb.Run, error) {
		ids = append(ids, request.GetRequestId())
		if len(ids) < 4 {
			return nil, unavailable
		}
		return &pb.Run{RunId: "r-1"}, nil
	}})
	client := dial(t, host.address)

	run, err := client.Run(t.Context(), dalsegno.RunRequest{WorkflowID: "w"})

	if err != nil || run.RunID != "r-1" {
		t.Errorf("got %v, %v", run, err)
	}
	if len(ids) != 4 || ids[0] == "" || len(slices.Compact(slices.Clone(ids))) != 1 {
		t.Errorf("got request ids %q, want the same one four times", ids)
	}
}

func TestTwoCallsHaveTwoRequestIDs(t *testing.T) {
	var ids []string
	host := serve(t, &fake{run: func(_ context.Context, request *pb.RunRequest) (*pb.Run, error) {
		ids = append(ids, request.GetRequestId())
		return &pb.Run{}, nil
	}})
	client := dial(t, host.address)

	for range 2 {
		if _, err := client.Run(t.Context(), dalsegno.RunRequest{WorkflowID: "w"}); err != nil {
			t.Fatal(err)
		}
	}

	if ids[0] == ids[1] {
		t.Errorf("both have %q", ids[0])
	}
}

func TestARefusedCallIsNotRepeated(t *testing.T) {
	for _, code := range []codes.Code{
		codes.Aborted, codes.Internal, codes.ResourceExhausted, codes.Unknown,
	} {
		var calls atomic.Int32
		refuse := func(context.Context, *pb.GetRunRequest) (*pb.Run, error) {
			calls.Add(1)
			return nil, status.Error(code, "no")
		}
		client := dial(t, serve(t, &fake{getRun: refuse}).address)

		_, err := client.GetRun(t.Context(), "r-1")

		if status.Code(err) != code || calls.Load() != 1 {
			t.Errorf("%v: got %v after %d calls", code, err, calls.Load())
		}
	}
}

func TestADeadlineEndsTheCall(t *testing.T) {
	host := serve(t, &fake{
		run: func(ctx context.Context, _ *pb.RunRequest) (*pb.Run, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		getRun: func(ctx context.Context, _ *pb.GetRunRequest) (*pb.Run, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	client := dial(t, host.address, dalsegno.WithTimeout(50*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()

	_, callersErr := client.Run(ctx, dalsegno.RunRequest{WorkflowID: "w"})
	_, clientsErr := client.GetRun(t.Context(), "r-1")

	for name, err := range map[string]error{"caller": callersErr, "client": clientsErr} {
		if !errors.Is(err, context.DeadlineExceeded) || status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("the %s's: got %v", name, err)
		}
	}
}

func TestACallThatWaitsEndsAtOnceWhenItIsNoLongerWanted(t *testing.T) {
	soon := func(end func()) *fake {
		return &fake{getRun: func(context.Context, *pb.GetRunRequest) (*pb.Run, error) {
			time.AfterFunc(50*time.Millisecond, end)
			return nil, refusal(codes.Unavailable, &errdetails.RetryInfo{
				RetryDelay: durationpb.New(8 * time.Second),
			})
		}}
	}
	begin := time.Now()

	ctx, cancel := context.WithCancel(t.Context())
	_, canceled := dial(t, serve(t, soon(cancel)).address).GetRun(ctx, "r-1")
	var client *dalsegno.Client
	client = dial(t, serve(t, soon(func() { client.Close() })).address)
	_, closed := client.GetRun(t.Context(), "r-1")

	if !errors.Is(canceled, context.Canceled) || !errors.Is(closed, dalsegno.ErrClosed) {
		t.Errorf("got %v and %v", canceled, closed)
	}
	if waited := time.Since(begin); waited > 4*time.Second {
		t.Errorf("waited %v", waited)
	}
}

func TestADelayThatTheServerAsksForIsKept(t *testing.T) {
	var calls []time.Time
	asked := 100 * time.Millisecond
	host := serve(t, &fake{getRun: func(context.Context, *pb.GetRunRequest) (*pb.Run, error) {
		if calls = append(calls, time.Now()); len(calls) == 1 {
			return nil, refusal(codes.Unavailable, &errdetails.RetryInfo{
				RetryDelay: durationpb.New(asked),
			})
		}
		return &pb.Run{}, nil
	}})
	client := dial(t, host.address)

	if _, err := client.GetRun(t.Context(), "r-1"); err != nil {
		t.Fatal(err)
	}

	if waited := calls[1].Sub(calls[0]); waited < asked {
		t.Errorf("waited %v, want %v", waited, asked)
	}
}

func TestAWaitThatTheDeadlineWouldCutShortIsNotBegun(t *testing.T) {
	host := serve(t, &fake{getRun: func(context.Context, *pb.GetRunRequest) (*pb.Run, error) {
		return nil, refusal(codes.Unavailable, &errdetails.RetryInfo{
			RetryDelay: durationpb.New(8 * time.Second),
		})
	}})
	client := dial(t, host.address, dalsegno.WithTimeout(4*time.Second))
	begin := time.Now()

	_, err := client.GetRun(t.Context(), "r-1")

	if status.Code(err) != codes.Unavailable || time.Since(begin) > 2*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}

func TestAServerThatNeverWasIsNotWaitedForLong(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // an address at which nobody is
	patience := quick
	patience.Connect = 50 * time.Millisecond
	client := dial(t, listener.Addr().String(), dalsegno.WithPatience(patience))

	begin := time.Now()

	_, callErr := client.GetRun(t.Context(), "r-1")
	_, streamErr := sequences(client.WatchRun(t.Context(), watchOne))

	for _, err := range []error{callErr, streamErr} {
		if status.Code(err) != codes.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if waited := time.Since(begin); waited > quick.GiveUp/2 {
		t.Errorf("waited %v, want about %v", waited, 2*patience.Connect)
	}
}

func TestPatienceThatSaysNothingIsThatOfTheDefaults(t *testing.T) {
	host := serve(t, &fake{watch: breaking(unavailable, 1, 2)})
	client := dial(t, host.address, dalsegno.WithPatience(dalsegno.Patience{}))

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 9)
}

func TestCallsAndStreamsHaveTheirOwnConnections(t *testing.T) {
	var peers []string
	remember := func(ctx context.Context) {
		from, _ := peer.FromContext(ctx)
		peers = append(peers, from.Addr.String())
	}
	host := serve(t, &fake{
		getRun: func(ctx context.Context, _ *pb.GetRunRequest) (*pb.Run, error) {
			remember(ctx)
			return &pb.Run{}, nil
		},
		watch: func(_ *pb.WatchRunRequest, call call) error {
			remember(call.ctx)
			return call.tell(history(2)...)
		},
	})
	client := dial(t, host.address)

	if _, err := client.GetRun(t.Context(), "r-1"); err != nil {
		t.Fatal(err)
	}
	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 2)

	if peers[0] == peers[1] {
		t.Errorf("both came from %s", peers[0])
	}
}

func TestADeletionWhoseAnswerGotLostHasTakenEffect(t *testing.T) {
	var calls atomic.Int32
	gone := refusal(codes.NotFound, reason("RUN_NOT_FOUND"))
	host := serve(t, &fake{deleteRun: func(context.Context, *pb.DeleteRunRequest) error {
		if calls.Add(1) == 1 {
			return unavailable
		}
		return gone
	}})
	client := dial(t, host.address)

	if err := client.DeleteRun(t.Context(), "r-1"); err != nil {
		t.Errorf("got %v", err)
	}
	// Nothing got lost this time.
	if err := client.DeleteRun(t.Context(), "r-1"); !errors.Is(err, dalsegno.ReasonRunNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestARestartWhoseAnswerGotLostIsWaitedFor(t *testing.T) {
	var calls atomic.Int32
	host := serve(t, &fake{
		restart: func(context.Context, *pb.RestartRequest) (*pb.Run, error) {
			if calls.Add(1) == 1 {
				return nil, unavailable
			}
			return nil, refusal(codes.FailedPrecondition, reason("RUN_ACTIVE"))
		},
		waitRun: func(_ context.Context, request *pb.WaitRunRequest) (*pb.Run, error) {
			return &pb.Run{RunId: request.GetRunId(), Status: pb.RunStatus_RUN_STATUS_SUCCESS}, nil
		},
	})
	client := dial(t, host.address)

	run, err := client.Restart(t.Context(), "r-1")

	if err != nil || run.Status != dalsegno.RunStatusSuccess {
		t.Errorf("got %v, %v", run, err)
	}
	if _, err := client.Restart(t.Context(), "r-1"); !errors.Is(err, dalsegno.ReasonRunActive) {
		t.Errorf("got %v", err)
	}
}

func TestACallOfAClosedClientSaysSo(t *testing.T) {
	host := serve(t, &fake{})
	client := dial(t, host.address, dalsegno.WithPatience(dalsegno.Patience{Connect: -1}))

	client.Close()
	_, err := client.GetRun(t.Context(), "r-1")

	if !errors.Is(err, dalsegno.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
