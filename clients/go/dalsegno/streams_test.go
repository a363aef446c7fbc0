package dalsegno_test

import (
	"encoding/json"
	"errors"
	"math"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

func TestARunIsAskedForAgainUntilItsFirstEventAndThenWatched(t *testing.T) {
	var ids []string
	host := serve(t, &fake{
		runStream: func(request *pb.RunStreamRequest, call call) error {
			ids = append(ids, request.GetRequestId())
			if len(ids) < 3 {
				return unavailable
			}
			if err := call.tell(history(9)[:2]...); err != nil {
				return err
			}
			return unavailable
		},
		watch: breaking(unavailable, 5),
	})
	client := dial(t, host.address)

	wantSequences(t, client.RunStream(t.Context(), dalsegno.RunRequest{WorkflowID: "w"}), 1, 9)
	if len(ids) != 3 || ids[0] == "" || ids[0] != ids[1] || ids[1] != ids[2] {
		t.Errorf("got request ids %q, want the same one three times", ids)
	}
}

func TestAReplayIsAskedForAgainUntilItsFirstEventAndThenWatched(t *testing.T) {
	var ids []string
	host := serve(t, &fake{
		travelStream: func(request *pb.TimeTravelStreamRequest, call call) error {
			ids = append(ids, request.GetRequestId())
			if len(ids) == 1 {
				return unavailable
			}
			if err := call.tell(history(9)[:2]...); err != nil {
				return err
			}
			return unavailable
		},
		watch: breaking(unavailable, 5),
	})
	client := dial(t, host.address)

	events := client.TimeTravelStream(t.Context(), dalsegno.TimeTravelRequest{
		RunID: "r-0", Step: "charge",
	})

	wantSequences(t, events, 1, 9)
	if len(ids) != 2 || ids[0] == "" || ids[0] != ids[1] {
		t.Errorf("got request ids %q, want the same one twice", ids)
	}
}

func TestAResumedStreamBeginsWithAnyEventAndGoesOnAfterIt(t *testing.T) {
	host := serve(t, &fake{
		resumeStream: func(_ *pb.ResumeStreamRequest, call call) error {
			heartbeat := &pb.RunEvent{Body: &pb.RunEvent_Heartbeat{Heartbeat: &pb.Heartbeat{}}}
			if err := call.tell(heartbeat, history(9)[5]); err != nil {
				return err
			}
			return unavailable
		},
		watch: breaking(unavailable, 7),
	})
	client := dial(t, host.address)

	events := client.ResumeStream(t.Context(), dalsegno.ResumeRequest{RunID: "r-1"})

	wantSequences(t, events, 6, 9)
}

func TestAStreamEndsWithTheRunAlthoughTheEndOfTheCallGotLost(t *testing.T) {
	suspended := output(2)
	suspended.Body = &pb.RunEvent_RunSuspended{RunSuspended: &pb.RunSuspended{}}
	for name, afterwards := range map[string]func(call) error{
		"as the server died":           func(call) error { return unavailable },
		"as somebody else resumed it":  func(call call) error { return call.tell(output(3)) },
		"as the server ended the call": func(call) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			host := serve(t, &fake{
				runStream: func(_ *pb.RunStreamRequest, call call) error {
					if err := call.tell(output(1), suspended); err != nil {
						return err
					}
					return afterwards(call)
				},
				watch: func(*pb.WatchRunRequest, call) error {
					return status.Error(codes.Internal, "nobody should ask")
				},
			})
			client := dial(t, host.address)
			request := dalsegno.RunRequest{WorkflowID: "w"}

			wantSequences(t, client.RunStream(t.Context(), request), 1, 2)
		})
	}
}

func TestAStreamThatFollowsGoesOnBehindASuspension(t *testing.T) {
	suspended := output(2)
	suspended.Body = &pb.RunEvent_RunSuspended{RunSuspended: &pb.RunSuspended{}}
	host := serve(t, &fake{
		runStream: func(request *pb.RunStreamRequest, call call) error {
			if !request.GetFollow() {
				return status.Error(codes.InvalidArgument, "a call that does not follow")
			}
			if err := call.tell(output(1), suspended); err != nil {
				return err
			}
			return unavailable
		},
		watch: breaking(unavailable),
	})
	client := dial(t, host.address)
	request := dalsegno.RunRequest{WorkflowID: "w", Follow: true}

	wantSequences(t, client.RunStream(t.Context(), request), 1, 9)
}

func TestAPayloadThatIsNoJSONStartsNothing(t *testing.T) {
	var calls atomic.Int32
	host := serve(t, &fake{runStream: func(*pb.RunStreamRequest, call) error {
		calls.Add(1)
		return nil
	}})
	client := dial(t, host.address)

	for _, wrong := range []any{math.NaN(), make(chan int), json.RawMessage(`{"cut`)} {
		request := dalsegno.RunRequest{WorkflowID: "w", InputData: wrong}
		_, err := sequences(client.RunStream(t.Context(), request))

		var payloadError *dalsegno.PayloadError
		if !errors.As(err, &payloadError) || payloadError.Field != "input_data" {
			t.Errorf("got %v", err)
		}
	}
	if calls.Load() != 0 {
		t.Error("something was asked of the server")
	}
}
