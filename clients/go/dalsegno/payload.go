package dalsegno

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// Null is the payload null, where a nil interface sends no payload at all.
var Null = json.RawMessage("null")

// ErrNoPayload is returned by [Decode] where there is nothing to decode, not even null.
var ErrNoPayload = errors.New("dalsegno: there is no payload")

// A PayloadError is a value that JSON text does not hold exactly. If it was to be sent, nothing was.
type PayloadError struct {
	// Field of the request; "" for an answer.
	Field string
	// Err says what is wrong.
	Err error
}

// Error says what is wrong.
func (e *PayloadError) Error() string {
	return fmt.Sprintf("dalsegno: payload %s: %v", e.Field, e.Err)
}

// Unwrap gives the error of encoding/json.
func (e *PayloadError) Unwrap() error { return e.Err }

// Decode turns a payload of an answer into a type of yours, as encoding/json does, but into any it
// puts json.Number for numbers, so that none is rounded.
func Decode[T any](payload json.RawMessage) (T, error) {
	var value T
	if len(payload) == 0 {
		return value, ErrNoPayload
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return value, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return value, errors.New("dalsegno: a payload holds more than one value")
	}
	return value, nil
}

// Result decodes the result of a run that succeeded. Of any other run it returns an error that
// names the status; for a failed one that wraps its [*Failure].
func Result[T any](run *Run) (T, error) {
	if run.Status == RunStatusSuccess {
		return Decode[T](run.Result)
	}
	var none T
	if run.Error != nil {
		return none, fmt.Errorf("dalsegno: run %s is %s: %w", run.RunID, run.Status, run.Error)
	}
	return none, fmt.Errorf("dalsegno: run %s is %s", run.RunID, run.Status)
}

// marshal gives the JSON text of a value; nothing for what is to be left out.
func marshal(value any) ([]byte, error) {
	if text, isRaw := value.(json.RawMessage); isRaw {
		if len(text) > 0 && !json.Valid(text) {
			return nil, errors.New("not JSON text")
		}
		return text, nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // there is no HTML here, and < is a character like any other
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// An encoder turns values into payloads and keeps the first error.
type encoder struct {
	err error
}

func (e *encoder) payload(field string, value any) *pb.Payload {
	if value == nil || e.err != nil {
		return nil
	}
	text, err := marshal(value)
	if err != nil {
		e.err = &PayloadError{Field: field, Err: err}
	}
	if len(text) == 0 {
		return nil
	}
	return &pb.Payload{Form: &pb.Payload_Json{Json: text}}
}

var errInexact = errors.New("an answer came without exact JSON text: " +
	"something on the way took the metadata away that asks for it")

// A decoder turns messages into the types of this package and keeps the first error.
type decoder struct {
	err error
}

// payload is nil also where the value was left out of a too large answer.
func (d *decoder) payload(message *pb.Payload) json.RawMessage {
	switch form := message.GetForm().(type) {
	case *pb.Payload_Json:
		return form.Json
	case nil:
		return nil
	default:
		d.err = &PayloadError{Err: errInexact}
		return nil
	}
}
