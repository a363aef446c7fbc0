package dalsegno

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// unknown is the last sequence of a stream whose first event may have any.
const unknown = -1

// errSilent cancels a call on which neither event nor heartbeat has come for too long.
var errSilent = errors.New("no sign of life")

// A receiver gives the next event of a call.
type receiver func() (*pb.RunEvent, error)

// A stream is one loop over the events of a run.
type stream struct {
	connection *connection
	err        error // a request that cannot be sent
	// ask asks for a run and its events, the same run however often it is called: the request has
	// an id. Needed until the first event has come; from then on the run is watched. nil if there
	// is nothing to ask for but watching.
	ask    func(context.Context, pb.RunServiceClient) (receiver, error)
	runID  string
	last   int64 // sequence of the newest event delivered
	follow bool
	// endsAtRest tells whether the first event that rests the run is the last one asked for. Not
	// so for a watch from the beginning: that meets the suspensions of the past.
	endsAtRest bool
	isAtRest   bool
}

// stream is the sequence of a stream's events. Each loop begins as the stream is given.
func (c *Client) stream(ctx context.Context, begin stream) iter.Seq2[Event, error] {
	begin.connection = c.connection
	begin.endsAtRest = begin.ask != nil && !begin.follow
	return func(yield func(Event, error) bool) {
		s := begin
		if err := s.deliver(ctx, func(event Event) bool { return yield(event, nil) }); err != nil {
			yield(Event{}, err)
		}
	}
}

// deliver makes one call after the other until the stream is over, or yield says so.
func (s *stream) deliver(ctx context.Context, yield func(Event) bool) error {
	if s.err != nil {
		return s.err
	}
	backoff := newBackoff(s.connection)
	for {
		isOver, err := s.attach(ctx, backoff, yield)
		if isOver {
			return err
		}
		if s.isAtRest {
			return nil // what was asked for has come: only the end of the call got lost
		}
		if err = backoff.wait(ctx, err); err != nil {
			return err
		}
	}
}

// attach makes one call and delivers what it brings. An error of a stream that is not over is that
// of the call.
func (s *stream) attach(
	ctx context.Context, backoff *backoff, yield func(Event) bool,
) (isOver bool, err error) {
	line, err := s.connection.acquire()
	if err != nil {
		return true, err
	}
	defer s.connection.release(line)
	calling, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := s.connection.patience.Silence
	watchdog := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	// Closing the line is not enough: this one may have been dropped.
	defer context.AfterFunc(s.connection.closing, func() { cancel(ErrClosed) })()

	receive, err := s.open(exactly(calling), line.runs)
	for err == nil {
		watchdog.Reset(silence)
		var message *pb.RunEvent
		message, err = receive()
		watchdog.Stop() // whoever takes the event may take long
		if err == io.EOF {
			backoff.progress()
			return true, nil
		}
		if err == nil {
			backoff.progress()
			if isOver, refused := s.accept(message, yield); isOver || refused != nil {
				return true, refused
			}
		}
	}
	if context.Cause(calling) == errSilent {
		// A call on the same line would share its dead connection.
		s.connection.drop(line)
		err = &Error{Code: codes.Unavailable, Message: fmt.Sprintf("%v for %v", errSilent, silence)}
	}
	return false, err
}

func (s *stream) open(ctx context.Context, runs pb.RunServiceClient) (receiver, error) {
	if s.ask != nil {
		return s.ask(ctx, runs)
	}
	return receiving(runs.WatchRun(ctx, &pb.WatchRunRequest{
		RunId: s.runID, AfterSequence: s.last, Follow: s.follow,
	}))
}

// accept delivers a message if it is the next event, and tells whether the stream is over.
func (s *stream) accept(message *pb.RunEvent, yield func(Event) bool) (isOver bool, err error) {
	if s.isAtRest {
		// Somebody else let the run go on at once. What follows is not what was asked for.
		return true, nil
	}
	if message.GetHeartbeat() != nil {
		return false, nil
	}
	sequence := message.GetSequence()
	if s.last != unknown && sequence <= s.last {
		return false, nil
	}
	if s.last != unknown && sequence > s.last+1 {
		return true, &Error{
			Code: codes.DataLoss, Reason: ReasonEventGap,
			Message: fmt.Sprintf("event %d of run %q came after %d", sequence, s.runID, s.last),
		}
	}
	var d decoder
	event := d.event(message)
	if d.err != nil {
		return true, d.err
	}
	s.runID, s.last, s.ask = event.RunID, sequence, nil
	s.isAtRest = s.endsAtRest && event.restsRun()
	return !yield(event), nil
}

// receiving reads the events out of the answers of whichever call streams them.
func receiving[Answer any, Pointer interface {
	*Answer
	GetEvent() *pb.RunEvent
}](call grpc.ServerStreamingClient[Answer], err error) (receiver, error) {
	if err != nil {
		return nil, err
	}
	return func() (*pb.RunEvent, error) {
		answer, err := call.Recv()
		return Pointer(answer).GetEvent(), err
	}, nil
}
