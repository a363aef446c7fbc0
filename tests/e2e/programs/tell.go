// Tell prints the events of a run as they come: sequence, type and address, a line each.
//
//	tell run WORKFLOW RUN_ID INPUT    starts it
//	tell resume RUN_ID DATA           lets it go on
//	tell watch RUN_ID AFTER           follows it to its end
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log"
	"os"
	"strconv"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
)

func main() {
	client, err := dalsegno.Dial(os.Getenv("DALSEGNO_ADDRESS"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for event, err := range stream(client, os.Args[1:]) {
		if err != nil {
			log.Fatal(err)
		}
		address := event.Address
		if address == "" {
			address = "-"
		}
		fmt.Println(event.Sequence, event.Type(), address)
	}
}

func stream(client *dalsegno.Client, arguments []string) iter.Seq2[dalsegno.Event, error] {
	ctx := context.Background()
	switch arguments[0] {
	case "run":
		return client.RunStream(ctx, dalsegno.RunRequest{
			WorkflowID: arguments[1], RunID: arguments[2],
			InputData: json.RawMessage(arguments[3]),
		})
	case "resume":
		return client.ResumeStream(ctx, dalsegno.ResumeRequest{
			RunID: arguments[1], ResumeData: json.RawMessage(arguments[2]),
		})
	default:
		after, err := strconv.ParseInt(arguments[2], 10, 64)
		if err != nil {
			log.Fatal(err)
		}
		return client.WatchRun(ctx, dalsegno.WatchRunRequest{
			RunID: arguments[1], AfterSequence: after, Follow: true,
		})
	}
}
