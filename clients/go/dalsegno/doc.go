// Package dalsegno is the Go client of Dal Segno: durable workflows behind gRPC, any past run of
// which can run again from any step.
//
//	client, err := dalsegno.Dial(dalsegno.DefaultTarget)
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	run, err := client.Run(ctx, dalsegno.RunRequest{
//		WorkflowID: "orders",
//		InputData:  map[string]any{"id": 7},
//	})
//
// # Payloads
//
// Payloads are exact JSON. In requests, a payload is any value that encoding/json takes;
// json.RawMessage is sent byte for byte. A nil interface sends nothing at all, [Null] sends null.
// In answers a payload is a json.RawMessage, nil if there is none; [Decode] and [Result] turn it
// into a type of yours. No number is ever rounded on the way: decoding into any gives json.Number.
//
// # Errors
//
// A refused call returns an [*Error] with its [Reason], and errors.Is knows reasons:
//
//	if errors.Is(err, dalsegno.ReasonRunNotFound) { ... }
//
// A run that failed is an answer and no error.
//
// # Lost servers
//
// Every call that changes something has a request id, made by the client unless given. So all calls
// are repeated while the server is away, and still take effect once. Streams re-attach by
// themselves: each event comes in order, and exactly once. [Patience] says for how long.
package dalsegno
