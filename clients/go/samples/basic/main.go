// Basic runs a workflow, prints its result, and sees what wrong calls are answered with.
//
//	go run ./samples/basic
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	"github.com/dalsegno/dalsegno/clients/go/samples/internal/sample"
)

type person struct {
	Name string `json:"name"`
}

type greeting struct {
	Text string `json:"text"`
}

func main() {
	if err := basic(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func basic(ctx context.Context) error {
	client, err := dalsegno.Dial(sample.Address())
	if err != nil {
		return err
	}
	defer client.Close()

	if err := run(ctx, client, "greeting", person{Name: "Ada"}); err != nil {
		return err
	}

	fmt.Println()
	err = run(ctx, client, "farewell", person{Name: "Ada"})
	var refusal *dalsegno.Error
	if !errors.As(err, &refusal) || refusal.Reason != dalsegno.ReasonWorkflowNotFound {
		return fmt.Errorf("farewell should not be there: %w", err)
	}
	fmt.Printf("refused: %s, code %s\n", refusal.Reason, code.Code(refusal.Code))
	fmt.Printf("workflow_id: %s\n", refusal.Metadata["workflow_id"])

	fmt.Println()
	err = run(ctx, client, "greeting", person{Name: ""})
	if !errors.Is(err, dalsegno.ReasonInvalidInput) || !errors.As(err, &refusal) {
		return fmt.Errorf("nobody should not be greeted: %w", err)
	}
	fmt.Printf("refused: %s, code %s\n", refusal.Reason, code.Code(refusal.Code))
	for _, violation := range refusal.Violations {
		fmt.Printf("%s: %s\n", violation.Field, violation.Description)
	}
	return nil
}

func run(ctx context.Context, client *dalsegno.Client, workflowID string, input person) error {
	fmt.Printf("run %s %s\n", workflowID, sample.Compact(input))
	run, err := client.Run(ctx, dalsegno.RunRequest{WorkflowID: workflowID, InputData: input})
	if err != nil {
		return err
	}
	fmt.Printf("status: %s\n", run.Status)
	result, err := dalsegno.Result[greeting](run)
	if err != nil {
		return err
	}
	fmt.Printf("result: %s\n", sample.Compact(result))
	return nil
}
