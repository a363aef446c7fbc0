// Time_travel lets a run fail, travels to the step that failed with a better input, and follows the
// replay.
//
//	go run ./samples/time_travel
package main

import (
	"context"
	"fmt"
	"iter"
	"log"
	"reflect"
	"strings"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	"github.com/dalsegno/dalsegno/clients/go/samples/internal/sample"
)

type cart struct {
	Item string `json:"item"`
	Card string `json:"card"`
}

type bill struct {
	Item  string `json:"item"`
	Card  string `json:"card"`
	Cents int    `json:"cents"`
}

type decision struct {
	Approved bool   `json:"approved"`
	By       string `json:"by"`
}

func main() {
	if err := timeTravel(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func timeTravel(ctx context.Context) error {
	client, err := dalsegno.Dial(sample.Address())
	if err != nil {
		return err
	}
	defer client.Close()

	source, err := fail(ctx, client)
	if err != nil {
		return err
	}
	replayID, err := travel(ctx, client, source)
	if err != nil {
		return err
	}
	if err := answer(ctx, client, replayID); err != nil {
		return err
	}

	fmt.Println()
	show("source", source)
	replay, err := client.GetRun(ctx, replayID)
	if err != nil {
		return err
	}
	show("replay", replay)
	fmt.Printf("result: %s\n", sample.Compact(replay.Result))
	again, err := client.GetRun(ctx, source.RunID)
	if err != nil {
		return err
	}
	unchanged := map[bool]string{true: "yes", false: "no"}[reflect.DeepEqual(again, source)]
	fmt.Printf("source unchanged: %s\n", unchanged)
	return nil
}

// fail runs a checkout whose card is declined.
func fail(ctx context.Context, client *dalsegno.Client) (*dalsegno.Run, error) {
	expired := cart{Item: "violin", Card: "expired"}
	fmt.Printf("run checkout %s\n", sample.Compact(expired))
	source, err := client.Run(ctx, dalsegno.RunRequest{
		WorkflowID: "checkout", InputData: expired,
	})
	if err != nil {
		return nil, err
	}
	fmt.Printf("status: %s\n", source.Status)
	fmt.Printf("error: %v\n", source.Error)
	return source, nil
}

// travel makes a replay with a valid card and follows it; its run id.
func travel(
	ctx context.Context, client *dalsegno.Client, source *dalsegno.Run,
) (string, error) {
	valid, err := dalsegno.Decode[bill](source.Step("charge").Input)
	if err != nil {
		return "", err
	}
	valid.Card = "valid"
	fmt.Printf("\ntravel to charge %s\n", sample.Compact(valid))
	return follow(client.TimeTravelStream(ctx, dalsegno.TimeTravelRequest{
		RunID: source.RunID, Step: "charge", InputData: valid,
	}))
}

// answer answers what the replay asks and follows it to its end.
func answer(ctx context.Context, client *dalsegno.Client, replayID string) error {
	replay, err := client.GetRun(ctx, replayID)
	if err != nil {
		return err
	}
	type asked struct{ Question string }
	payload, err := dalsegno.Decode[asked](replay.Suspensions[0].Payload)
	if err != nil {
		return err
	}
	fmt.Printf("question: %s\n", payload.Question)
	yes := decision{Approved: true, By: "Grace"}
	fmt.Printf("\nresume %s\n", sample.Compact(yes))
	_, err = follow(client.ResumeStream(ctx, dalsegno.ResumeRequest{
		RunID: replayID, ResumeData: yes,
	}))
	return err
}

// follow prints events; the id of their run.
func follow(events iter.Seq2[dalsegno.Event, error]) (string, error) {
	runID := ""
	for event, err := range events {
		if err != nil {
			return "", err
		}
		runID = event.RunID
		fmt.Println(strings.TrimSpace(event.Type() + " " + event.Address))
	}
	return runID, nil
}

func show(name string, run *dalsegno.Run) {
	fmt.Printf("%s: %s\n", name, run.Status)
	for _, step := range run.Steps {
		reused := ""
		if step.ReusedFromRunID != "" {
			reused = ", reused"
		}
		fmt.Printf("  %s: %s%s\n", step.Address, step.Status, reused)
	}
}
