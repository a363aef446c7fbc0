package dalsegno

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"
)

// Patience is how long a lost server is waited for; the same for calls and streams. A field that is
// 0 has its default.
type Patience struct {
	// Connect is for a server that has never answered. Default: 5 s; below 0: not at all.
	Connect time.Duration
	// GiveUp is without an answer, event or heartbeat from a server that did answer before.
	// Default: 60 s; below 0: not at all.
	GiveUp time.Duration
	// Delay is the upper end of the first random delay; it doubles with each further one. Default:
	// 0.1 s.
	Delay time.Duration
	// DelayMax is where doubling ends. Thousands of streams that are cut at once come back spread
	// over this time. Default: 5 s.
	DelayMax time.Duration
	// Silence is without event or heartbeat on an open stream before it is taken for dead. Default:
	// 45 s, three intervals of a server's heartbeat.
	Silence time.Duration
}

func (p Patience) withDefaults() Patience {
	return Patience{
		Connect:  cmp.Or(p.Connect, 5*time.Second),
		GiveUp:   cmp.Or(p.GiveUp, 60*time.Second),
		Delay:    cmp.Or(p.Delay, 100*time.Millisecond),
		DelayMax: cmp.Or(p.DelayMax, 5*time.Second),
		Silence:  cmp.Or(p.Silence, 45*time.Second),
	}
}

// A backoff waits between the tries of one call or stream: exponential, with full jitter.
//
// Not gRPC's retryPolicy: it ends after five tries, which a restart of a server outlasts, and it
// cannot tell a server that is away from one that never was there.
type backoff struct {
	connection *connection
	tries      int       // failed since the server last answered
	since      time.Time // when it last answered, or was first asked
}

func newBackoff(connection *connection) *backoff {
	return &backoff{connection: connection, since: time.Now()}
}

// progress is told that the server answered: patience begins anew.
func (b *backoff) progress() {
	b.connection.isKnown.Store(true)
	b.tries, b.since = 0, time.Now()
}

// wait waits before the next try. It returns the failure if that will not pass, or if the wait
// would be longer than patience or the context's deadline.
func (b *backoff) wait(ctx context.Context, failure error) error {
	if b.connection.isClosed() {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return fromContext(ctx)
	}
	failed := fromRPC(failure)
	if !failed.isTransient() || failed.Reason != "" {
		b.connection.isKnown.Store(true)
	}
	delay := b.delay(failed)
	if !failed.isTransient() || b.isOver(ctx, delay) {
		return failed
	}
	b.tries++
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-b.connection.closing.Done():
		return ErrClosed
	case <-ctx.Done():
		return fromContext(ctx)
	}
}

func (b *backoff) delay(failed *Error) time.Duration {
	patience := b.connection.patience
	longest := patience.DelayMax
	// Doubling more than 30 times overflows, and is beyond every sensible end before that.
	if doubled := patience.Delay << min(b.tries, 30); doubled > 0 && doubled < longest {
		longest = doubled
	}
	jittered := time.Duration(rand.Float64() * float64(longest))
	return max(jittered, failed.RetryDelay)
}

func (b *backoff) isOver(ctx context.Context, delay time.Duration) bool {
	limit := b.connection.patience.Connect
	if b.connection.isKnown.Load() {
		limit = b.connection.patience.GiveUp
	}
	deadline, isBounded := ctx.Deadline()
	return time.Since(b.since)+delay > limit || isBounded && time.Until(deadline) < delay
}
