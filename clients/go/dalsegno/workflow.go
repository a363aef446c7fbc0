package dalsegno

import (
	"encoding/json"
	"time"
)

// A Workflow is a definition: what a run executes.
type Workflow struct {
	WorkflowID     string
	DefinitionHash string
	Description    string
	// InputSchema is a JSON schema, as the others are; nil where anything fits.
	InputSchema  json.RawMessage
	OutputSchema json.RawMessage
	StateSchema  json.RawMessage
	// Nodes are its outermost sequence, in order. Empty in lists, as the schemas are.
	Nodes []Node
}

// A Node is one place in a graph.
type Node struct {
	// Address has [] where an index goes: items[].enrich. Empty for a parallel, race or branch
	// without an id.
	Address string
	Kind    NodeKind
	// Description is as its author says; "" if nothing is said.
	Description string
	// Nodes are what is inside, in order.
	Nodes []Node
	// InputSchema is a JSON schema, as the others are; nil where anything fits.
	InputSchema  json.RawMessage
	OutputSchema json.RawMessage
	ResumeSchema json.RawMessage
	// Retry is nil if attempts are not retried.
	Retry *RetryPolicy
	// Timeout is of one attempt; 0 without limit.
	Timeout time.Duration
	// MaxIterations is of a loop; 0 without limit.
	MaxIterations int
	// Concurrency is of a foreach; 0 for everything else.
	Concurrency int
}

// A RetryPolicy is how failed attempts of a step are retried: exponential backoff with jitter.
type RetryPolicy struct {
	// MaxAttempts includes the first.
	MaxAttempts     int
	InitialInterval time.Duration
	// Backoff is what the interval is multiplied with after each attempt.
	Backoff     float64
	MaxInterval time.Duration
	// NonRetryable are names of error types that are not retried.
	NonRetryable []string
}
