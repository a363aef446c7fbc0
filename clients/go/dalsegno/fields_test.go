package dalsegno_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// fill sets every field of a message, payloads as exact JSON; messages in themselves three deep.
func fill(message protoreflect.Message, depth int) {
	if payload, is := message.Interface().(*pb.Payload); is {
		payload.Form = &pb.Payload_Json{Json: []byte("1")}
		return
	}
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		isNested := field.Message() != nil && !field.IsMap()
		switch {
		case isNested && depth == 0:
		case field.IsMap():
			value := message.Mutable(field).Map().NewValue()
			if field.MapValue().Message() != nil {
				fill(value.Message(), depth-1)
			} else {
				value = protoreflect.ValueOf("x")
			}
			message.Mutable(field).Map().Set(protoreflect.ValueOf("x").MapKey(), value)
		case field.IsList():
			list := message.Mutable(field).List()
			value := scalar(field)
			if isNested {
				value = list.NewElement()
				fill(value.Message(), depth-1)
			}
			list.Append(value)
		case isNested:
			fill(message.Mutable(field).Message(), depth-1)
		default:
			message.Set(field, scalar(field))
		}
	}
}

func scalar(field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOf(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOf(protoreflect.EnumNumber(4))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOf(int32(4))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOf(int64(4))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOf(4.0)
	default:
		return protoreflect.ValueOf("x")
	}
}

// wantFull names every field of a value that is zero, down to the fields of times.
func wantFull(t *testing.T, path string, value reflect.Value) {
	t.Helper()
	if value.IsZero() {
		t.Errorf("%s is left out", path)
		return
	}
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if value.Type() != reflect.TypeFor[*dalsegno.Failure]() {
			wantFull(t, path, value.Elem())
		}
	case reflect.Slice:
		wantFull(t, path+"[0]", value.Index(0))
	case reflect.Struct:
		if value.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range value.NumField() {
			name := value.Type().Field(i).Name
			if name != "Nodes" || !strings.HasSuffix(path, "Nodes[0]") {
				wantFull(t, path+"."+name, value.Field(i))
			}
		}
	}
}

func TestEveryKindOfEventIsDecodedWithAllItsFields(t *testing.T) {
	var kinds []string
	var events []*pb.RunEvent
	members := (&pb.RunEvent{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for i := range members.Len() {
		kind := members.Get(i)
		if kind.Name() == "heartbeat" {
			continue
		}
		event := &pb.RunEvent{}
		fill(event.ProtoReflect().Mutable(kind).Message(), 3)
		event.Sequence = int64(len(events) + 1)
		events, kinds = append(events, event), append(kinds, string(kind.Name()))
	}
	client := dial(t, serve(t, &fake{watch: func(_ *pb.WatchRunRequest, call call) error {
		return call.tell(events...)
	}}).address)

	for event, err := range client.WatchRun(t.Context(), watchOne) {
		if err != nil {
			t.Fatal(err)
		}
		kind := kinds[0]
		kinds = kinds[1:]
		if event.Type() != kind {
			t.Errorf("%s was decoded as %s", kind, event.Type())
		}
		if body := reflect.ValueOf(event.Body); body.NumField() > 0 {
			wantFull(t, kind, body)
		}
	}
	if len(kinds) > 0 {
		t.Errorf("%v did not come", kinds)
	}
}

func TestWhatANewerServerSaysBreaksNothing(t *testing.T) {
	// Field 99 of an event, and of a run: what this client does not know.
	newer := protoreflect.RawFields{0x9a, 0x06, 0x00}
	unknown := output(1)
	unknown.Body = nil
	unknown.ProtoReflect().SetUnknown(newer)
	run := &pb.Run{Status: 99, Steps: map[string]*pb.StepRecord{
		"a": {Address: "a", Status: 98, Kind: 97},
	}}
	run.ProtoReflect().SetUnknown(newer)
	client := dial(t, serve(t, &fake{
		getRun: func(context.Context, *pb.GetRunRequest) (*pb.Run, error) { return run, nil },
		watch: func(_ *pb.WatchRunRequest, call call) error {
			return errors.Join(call.tell(unknown), call.tell(history(2)[1]))
		},
	}).address)

	got, err := client.GetRun(t.Context(), "r-1")
	if err != nil || got.Status != "99" || got.Status.IsAtRest() {
		t.Fatalf("got %v, %v", got, err)
	}
	if step := got.Step("a"); step.Status != "98" || step.Kind != "97" {
		t.Errorf("got %+v", step)
	}
	var types []string
	for event, err := range client.WatchRun(t.Context(), watchOne) {
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, event.Type())
	}
	if !reflect.DeepEqual(types, []string{"unknown", "run_completed"}) {
		t.Errorf("got %v", types)
	}
}
