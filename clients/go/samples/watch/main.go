// Watch attaches to a run that is on its way, loses the connection, and misses nothing.
//
//	go run ./samples/watch
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	"github.com/dalsegno/dalsegno/clients/go/samples/internal/sample"
)

func main() {
	if err := watch(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func watch(ctx context.Context) error {
	client, err := dalsegno.Dial(sample.Address())
	if err != nil {
		return err
	}
	defer client.Close()

	input := map[string]int{"from": 20}
	run, err := client.StartRun(ctx, dalsegno.RunRequest{
		WorkflowID: "countdown", InputData: input,
	})
	if err != nil {
		return err
	}
	fmt.Printf("run countdown %s\n", sample.Compact(input))
	for event, err := range client.WatchRun(ctx, dalsegno.WatchRunRequest{RunID: run.RunID}) {
		if err != nil {
			return err
		}
		if event.Sequence == 5 {
			break // which cancels the call; the run goes on
		}
	}
	fmt.Println("left after event 5")

	sequences, err := watchThroughACut(ctx, run.RunID, 5)
	if err != nil {
		return err
	}
	isDense := true
	for i, sequence := range sequences {
		isDense = isDense && sequence == int64(6+i)
	}
	last := sequences[len(sequences)-1]
	fmt.Printf("events: %d, from 6 to %d\n", len(sequences), last)
	fmt.Printf("without gap or repetition: %s\n", yesNo(isDense))
	if run, err = client.GetRun(ctx, run.RunID); err != nil {
		return err
	}
	fmt.Printf("result: %s\n", sample.Compact(run.Result))
	return nil
}

// watchThroughACut gives the sequences of all events after the one given.
func watchThroughACut(ctx context.Context, runID string, after int64) ([]int64, error) {
	wire, err := newWire(sample.Address())
	if err != nil {
		return nil, err
	}
	defer wire.close()
	client, err := dalsegno.Dial(wire.address())
	if err != nil {
		return nil, err
	}
	defer client.Close()

	var sequences []int64
	request := dalsegno.WatchRunRequest{RunID: runID, AfterSequence: after}
	for event, err := range client.WatchRun(ctx, request) {
		if err != nil {
			return nil, err
		}
		sequences = append(sequences, event.Sequence)
		if event.Sequence == 30 {
			wire.cut()
			fmt.Println("connection cut after event 30")
		}
	}
	fmt.Printf("connected again: %s\n", yesNo(wire.connections.Load() > 1))
	return sequences, nil
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
