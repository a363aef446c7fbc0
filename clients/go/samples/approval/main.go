// Approval starts a run that asks a question, which another process answers.
//
//	go run ./samples/approval
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	"github.com/dalsegno/dalsegno/clients/go/samples/internal/sample"
)

type expense struct {
	Employee string `json:"employee"`
	Cents    int    `json:"cents"`
}

type decision struct {
	Approved bool   `json:"approved"`
	By       string `json:"by"`
}

func main() {
	if err := approval(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func approval(ctx context.Context) error {
	client, err := dalsegno.Dial(sample.Address())
	if err != nil {
		return err
	}
	defer client.Close()

	if len(os.Args) == 3 && os.Args[1] == "answer" {
		return answer(ctx, client, os.Args[2])
	}
	return ask(ctx, client)
}

func ask(ctx context.Context, client *dalsegno.Client) error {
	run, err := client.StartRun(ctx, dalsegno.RunRequest{
		WorkflowID: "expense", InputData: expense{Employee: "Ada", Cents: 12000},
	})
	if err != nil {
		return err
	}
	run, err = client.WaitRun(ctx, run.RunID)
	if err != nil {
		return err
	}
	type asked struct{ Question string }
	payload, err := dalsegno.Decode[asked](run.Suspensions[0].Payload)
	if err != nil {
		return err
	}
	fmt.Printf("status: %s\n", run.Status)
	fmt.Printf("question: %s\n", payload.Question)

	if err := askOther(run.RunID); err != nil {
		return err
	}
	run, err = client.WaitRun(ctx, run.RunID)
	if err != nil {
		return err
	}
	fmt.Printf("status: %s\n", run.Status)
	fmt.Printf("result: %s\n", sample.Compact(run.Result))
	return nil
}

// askOther lets another process of this program answer.
func askOther(runID string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	other := exec.Command(program, "answer", runID)
	other.Stdout, other.Stderr = os.Stdout, os.Stderr
	return other.Run()
}

func answer(ctx context.Context, client *dalsegno.Client, runID string) error {
	yes := decision{Approved: true, By: "Grace"}
	fmt.Printf("answer: %s\n", sample.Compact(yes))
	_, err := client.Resume(ctx, dalsegno.ResumeRequest{
		RunID: runID, Label: "approval", ResumeData: yes,
	})
	return err
}
