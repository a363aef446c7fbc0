package dalsegno_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
)

func Example() {
	ctx := context.Background()
	client, err := dalsegno.Dial(dalsegno.DefaultTarget)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	request := dalsegno.RunRequest{WorkflowID: "greeting", InputData: map[string]string{"name": "Ada"}}
	run, err := client.Run(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	text, err := dalsegno.Result[map[string]string](run)
	fmt.Println(text, err)
}

func ExampleClient_WatchRun() {
	var client *dalsegno.Client // of Dial

	watch := dalsegno.WatchRunRequest{RunID: "r-1", AfterSequence: 7, Follow: true}
	for event, err := range client.WatchRun(context.Background(), watch) {
		if err != nil {
			log.Fatal(err)
		}
		switch body := event.Body.(type) {
		case dalsegno.StepSuspended:
			fmt.Println(event.Address, "asks", string(body.Payload))
		case dalsegno.RunFailed:
			fmt.Println(body.Error)
		}
	}
}

func ExampleClient_TimeTravel() {
	var client *dalsegno.Client // of Dial
	var failed *dalsegno.Run    // at its step charge

	type bill struct {
		Cents int    `json:"cents"`
		Card  string `json:"card"`
	}
	better, err := dalsegno.Decode[bill](failed.Step("charge").Input)
	if err != nil {
		log.Fatal(err)
	}
	better.Card = "valid"
	replay, err := client.TimeTravel(context.Background(), dalsegno.TimeTravelRequest{
		RunID: failed.RunID, Step: "charge", InputData: better,
	})
	fmt.Println(replay, err)
}

func ExampleError() {
	var client *dalsegno.Client // of Dial

	_, err := client.GetRun(context.Background(), "r-1")
	if errors.Is(err, dalsegno.ReasonRunNotFound) {
		fmt.Println("there is no such run")
	}
	var refusal *dalsegno.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Code, refusal.Reason, refusal.Metadata, refusal.Violations)
	}
}
