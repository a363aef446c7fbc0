package dalsegno

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// A line is one gRPC connection with its stubs.
type line struct {
	conn      *grpc.ClientConn
	runs      pb.RunServiceClient
	workflows pb.WorkflowServiceClient
	users     int  // streams on it
	isDropped bool // to be closed by its last user
}

// A connection is two lines to one server: one for calls, one for streams, so that streams never
// starve calls.
type connection struct {
	patience Patience
	isKnown  atomic.Bool // whether the server has ever answered
	calls    *line
	dial     func() (*line, error)
	closing  context.Context // ends when the client is closed
	end      context.CancelFunc

	mutex   sync.Mutex
	streams *line // nil: to be opened when needed
}

func newConnection(target string, settings settings) (*connection, error) {
	if target == "" {
		target = DefaultTarget
	}
	options, err := settings.grpc(target)
	if err != nil {
		return nil, err
	}
	c := &connection{patience: settings.patience.withDefaults()}
	c.closing, c.end = context.WithCancel(context.Background())
	c.dial = func() (*line, error) {
		conn, err := grpc.NewClient(target, options...)
		if err != nil {
			return nil, err
		}
		return &line{
			conn:      conn,
			runs:      pb.NewRunServiceClient(conn),
			workflows: pb.NewWorkflowServiceClient(conn),
		}, nil
	}
	if c.calls, err = c.dial(); err != nil {
		return nil, err
	}
	return c, nil
}

// acquire gives the line for one stream, to be released when that ends.
func (c *connection) acquire() (*line, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.isClosed() {
		return nil, ErrClosed
	}
	if c.streams == nil {
		opened, err := c.dial()
		if err != nil {
			return nil, err
		}
		c.streams = opened
	}
	c.streams.users++
	return c.streams, nil
}

func (c *connection) release(used *line) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	used.users--
	used.closeIfLeft()
}

// drop opens a new line for streams when one is needed next, because this one is dead. Streams that
// are still on it end by themselves, and it with them.
func (c *connection) drop(dead *line) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.streams == dead {
		c.streams = nil
	}
	dead.isDropped = true
	dead.closeIfLeft()
}

func (l *line) closeIfLeft() {
	if l.isDropped && l.users == 0 {
		_ = l.conn.Close() // fails only if it is closed already
	}
}

func (c *connection) isClosed() bool { return c.closing.Err() != nil }

func (c *connection) close() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.isClosed() {
		return nil
	}
	c.end()
	err := c.calls.conn.Close()
	if c.streams != nil {
		err = errors.Join(err, c.streams.conn.Close())
	}
	return err
}

// call makes a unary call, and repeats it while the server is away. Safe for every call that only
// reads, or whose request has an id.
func call[Request, Answer any](
	ctx context.Context,
	c *connection,
	method func(context.Context, Request, ...grpc.CallOption) (Answer, error),
	request Request,
) (Answer, error) {
	answer, _, err := settle(ctx, c, method, request, "")
	return answer, err
}

// settle is call for requests without an id. A repetition that is refused for the reason given
// tells that an earlier try took effect and its answer got lost: then it is true, and there is
// neither answer nor error.
func settle[Request, Answer any](
	ctx context.Context,
	c *connection,
	method func(context.Context, Request, ...grpc.CallOption) (Answer, error),
	request Request,
	settledBy Reason,
) (answer Answer, isSettled bool, err error) {
	backoff := newBackoff(c)
	for {
		answer, err = method(exactly(ctx), request)
		if err == nil {
			backoff.progress()
			return answer, false, nil
		}
		if settledBy != "" && backoff.tries > 0 && fromRPC(err).Reason == settledBy {
			return answer, true, nil
		}
		if err = backoff.wait(ctx, err); err != nil {
			return answer, false, err
		}
	}
}

// exactly asks for payloads as exact JSON text.
func exactly(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "dalsegno-payload-form", "json")
}
