package dalsegno_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// echo answers a run whose result is its input.
func echo(t *testing.T) *dalsegno.Client {
	return dial(t, serve(t, &fake{
		run: func(ctx context.Context, request *pb.RunRequest) (*pb.Run, error) {
			asked, _ := metadata.FromIncomingContext(ctx)
			if form := asked.Get("dalsegno-payload-form"); len(form) != 1 || form[0] != "json" {
				return nil, errors.New("nobody asked for exact JSON")
			}
			return &pb.Run{
				Status: pb.RunStatus_RUN_STATUS_SUCCESS,
				Input:  request.GetInputData(), Result: request.GetInputData(),
			}, nil
		},
	}).address)
}

type order struct {
	ID   int64    `json:"id"`
	Tags []string `json:"tags"`
}

func TestPayloadsAreExactJSONText(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	cases := map[string]struct {
		value any
		text  string
	}{
		"raw text, byte for byte": {json.RawMessage(`{ "b":1.0, "a":1e2 }`), `{ "b":1.0, "a":1e2 }`},
		"a struct":                {order{7, []string{"<&>"}}, `{"id":7,"tags":["<&>"]}`},
		"a huge integer":          {huge, "123456789012345678901234567890"},
		"a number as text":        {json.Number("9007199254740993"), "9007199254740993"},
		"null":                    {dalsegno.Null, "null"},
		"false":                   {false, "false"},
		"zero":                    {0, "0"},
		"nothing but quotes":      {"", `""`},
		"a nil map":               {map[string]any(nil), "null"},
		"no value":                {nil, ""},
		"the payload of no value": {json.RawMessage(nil), ""},
	}
	client := echo(t)
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			run, err := client.Run(t.Context(), dalsegno.RunRequest{
				WorkflowID: "w", InputData: want.value,
			})

			if err != nil || string(run.Input) != want.text {
				t.Errorf("got %q, %v; want %q", run.Input, err, want.text)
			}
		})
	}
}

func TestAResultIsDecodedIntoATypeOfTheCaller(t *testing.T) {
	client := echo(t)
	run, err := client.Run(t.Context(), dalsegno.RunRequest{
		WorkflowID: "w", InputData: order{ID: 9007199254740993, Tags: []string{"a"}},
	})
	if err != nil {
		t.Fatal(err)
	}

	typed, err := dalsegno.Result[order](run)
	if err != nil || typed.ID != 9007199254740993 {
		t.Errorf("got %v, %v", typed, err)
	}
	loose, err := dalsegno.Result[map[string]any](run)
	if err != nil || loose["id"] != json.Number("9007199254740993") {
		t.Errorf("got %v, %v", loose, err)
	}
	if text, err := dalsegno.Result[string](run); err == nil {
		t.Errorf("got %q, want an error", text)
	}
}

func TestARunWithoutResultSaysWhy(t *testing.T) {
	failed := &dalsegno.Run{
		RunID: "r-1", Status: dalsegno.RunStatusFailed,
		Error: &dalsegno.Failure{
			Type: "CardDeclined", Message: "expired", Cause: &dalsegno.Failure{Type: "Timeout"},
		},
	}
	_, err := dalsegno.Result[string](failed)
	var failure *dalsegno.Failure
	if !errors.As(err, &failure) || failure.Type != "CardDeclined" {
		t.Errorf("got %v", err)
	}

	suspended := &dalsegno.Run{RunID: "r-1", Status: dalsegno.RunStatusSuspended}
	if _, err = dalsegno.Result[string](suspended); err == nil || errors.As(err, &failure) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyOneWholeValueIsDecoded(t *testing.T) {
	if _, err := dalsegno.Decode[any](nil); !errors.Is(err, dalsegno.ErrNoPayload) {
		t.Errorf("got %v", err)
	}
	for _, wrong := range []string{"{", "1 2", `{"a":1}]`} {
		if value, err := dalsegno.Decode[any](json.RawMessage(wrong)); err == nil {
			t.Errorf("%s: got %v", wrong, value)
		}
	}
	if value, err := dalsegno.Decode[any](dalsegno.Null); value != nil || err != nil {
		t.Errorf("got %v, %v", value, err)
	}
}

func TestAnAnswerWhoseNumbersMayBeRoundedIsRefused(t *testing.T) {
	readable := &pb.Payload{Form: &pb.Payload_Value{Value: structpb.NewNumberValue(1)}}
	host := serve(t, &fake{
		getRun: func(context.Context, *pb.GetRunRequest) (*pb.Run, error) {
			return &pb.Run{Input: readable}, nil
		},
		watch: func(_ *pb.WatchRunRequest, call call) error {
			event := output(1)
			event.GetStepOutput().Data = readable
			return call.tell(event)
		},
	})
	client := dial(t, host.address)

	_, callErr := client.GetRun(t.Context(), "r-1")
	_, streamErr := sequences(client.WatchRun(t.Context(), watchOne))

	for _, err := range []error{callErr, streamErr} {
		var payloadError *dalsegno.PayloadError
		if !errors.As(err, &payloadError) {
			t.Errorf("got %v", err)
		}
	}
}
