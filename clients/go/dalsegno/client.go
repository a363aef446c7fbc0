package dalsegno

import (
	"context"
	"errors"
	"time"
)

// DefaultTarget is where a server listens unless told otherwise.
const DefaultTarget = "127.0.0.1:7070"

// ErrClosed is returned by calls and streams of a client that was closed.
var ErrClosed = errors.New("dalsegno: the client was closed")

// A Client talks to a Dal Segno server. One for a program is enough; goroutines may share it.
//
// Calls that answer a run at rest (Run, Resume, TimeTravel, WaitRun, Restart) take as long as the
// run does, unless their context ends before. Then the call ends, and the run goes on. All other
// calls also end when the time-out of [WithTimeout] has passed, repetitions included.
type Client struct {
	connection *connection
	timeout    time.Duration
}

// Dial makes a client of the server at target: host:port, or any other name that gRPC resolves. It
// connects when the first call is made, so that no error says nothing about the server.
//
// Without [WithTLS] the connection is not encrypted.
func Dial(target string, options ...Option) (*Client, error) {
	settings := defaults()
	for _, option := range options {
		option(&settings)
	}
	connection, err := newConnection(target, settings)
	if err != nil {
		return nil, err
	}
	return &Client{connection: connection, timeout: settings.timeout}, nil
}

// Close closes the connection. Calls and streams that are open end with [ErrClosed]; runs go on.
func (c *Client) Close() error {
	return c.connection.close()
}

// bounded is the context of a call that need not wait for a run.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.timeout)
}
