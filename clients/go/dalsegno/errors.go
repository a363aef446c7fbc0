package dalsegno

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An Error is why a call was refused, or failed. Nothing was changed by a call that was refused.
//
// errors.Is knows its [Reason], and context.DeadlineExceeded and context.Canceled by its code. A
// step that fails is no error of a call: it is a run whose status is failed.
type Error struct {
	// Code is the gRPC code: what kind of failure it is, also if the reason is not known here.
	Code codes.Code
	// Reason is what to switch on; "" if the server gave none, as for failures of the transport.
	Reason Reason
	// Message says what happened, for people; it may change between releases.
	Message string
	// Metadata holds the facts behind the message; the ErrorReason of the protos lists them.
	Metadata map[string]string
	// Violations say what is wrong with fields of the request.
	Violations []Violation
	// RetryDelay is how long the server asks to wait before the call is repeated.
	RetryDelay time.Duration
}

// A Violation is what is wrong with one field of a request.
type Violation struct {
	// Field is its path.
	Field string
	// Description says what is wrong, for people.
	Description string
}

// Error says what happened, for people.
func (e *Error) Error() string {
	name := string(e.Reason)
	if name == "" {
		name = code.Code(e.Code).String()
	}
	return fmt.Sprintf("dalsegno: %s: %s", name, e.Message)
}

// Is tells whether the error has the reason target, or is that of a context that ended.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled
	}
	reason, isReason := target.(Reason)
	return isReason && reason == e.Reason
}

// GRPCStatus is the code and message as status.Code and status.Convert read them.
func (e *Error) GRPCStatus() *status.Status {
	return status.New(e.Code, e.Message)
}

// isTransient tells whether the same call may succeed without anything being changed.
func (e *Error) isTransient() bool {
	switch e.Code {
	case codes.Unavailable, codes.Canceled:
		return true
	case codes.Internal:
		// What HTTP proxies do to a stream whose server died. The code is not enough: it is also
		// that of a request which cannot be written, and of bugs.
		return e.Reason == "" && strings.Contains(e.Message, "RST_STREAM")
	default:
		return false
	}
}

// fromRPC is the typed error of a failed call.
func fromRPC(err error) *Error {
	var typed *Error
	if errors.As(err, &typed) {
		return typed
	}
	received := status.Convert(err)
	typed = &Error{Code: received.Code(), Message: received.Message()}
	for _, detail := range received.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			typed.Reason, typed.Metadata = Reason(detail.GetReason()), detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				typed.Violations = append(typed.Violations, Violation{
					Field: violation.GetField(), Description: violation.GetDescription(),
				})
			}
		case *errdetails.RetryInfo:
			typed.RetryDelay = detail.GetRetryDelay().AsDuration()
		}
	}
	return typed
}

// fromContext is the error of a call whose context has ended.
func fromContext(ctx context.Context) *Error {
	received := status.FromContextError(ctx.Err())
	return &Error{Code: received.Code(), Message: received.Message()}
}
