package dalsegno_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

func reason(name string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: name, Domain: "dalsegno.dev"}
}

// getRun is the error of a call that is answered with one.
func getRun(t *testing.T, answer error) error {
	t.Helper()
	host := serve(t, &fake{getRun: func(context.Context, *pb.GetRunRequest) (*pb.Run, error) {
		return nil, answer
	}})
	_, err := dial(t, host.address).GetRun(t.Context(), "r-1")
	return err
}

func TestARefusalHasItsReasonMetadataAndViolations(t *testing.T) {
	err := getRun(t, refusal(
		codes.InvalidArgument,
		&errdetails.ErrorInfo{
			Reason: "INVALID_INPUT", Metadata: map[string]string{"field": "input_data"},
		},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "input_data", Description: "$.name: too short"},
		}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)},
	))

	var got *dalsegno.Error
	if !errors.As(err, &got) {
		t.Fatalf("got %v", err)
	}
	want := dalsegno.Error{
		Code:       codes.InvalidArgument,
		Reason:     dalsegno.ReasonInvalidInput,
		Message:    "no",
		Metadata:   map[string]string{"field": "input_data"},
		Violations: []dalsegno.Violation{{Field: "input_data", Description: "$.name: too short"}},
		RetryDelay: time.Second,
	}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, want %+v", *got, want)
	}
	if !errors.Is(err, dalsegno.ReasonInvalidInput) || errors.Is(err, dalsegno.ReasonRunActive) {
		t.Error("errors.Is does not tell the reason")
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Error("gRPC does not know the code")
	}
	if err.Error() != "dalsegno: INVALID_INPUT: no" {
		t.Errorf("got %q", err.Error())
	}
}

func TestAReasonOfANewerServerIsKept(t *testing.T) {
	err := getRun(t, refusal(codes.FailedPrecondition, reason("RUN_ON_THE_MOON")))

	if !errors.Is(err, dalsegno.Reason("RUN_ON_THE_MOON")) {
		t.Errorf("got %v", err)
	}
}

func TestAFailureWithoutDetailsHasItsCode(t *testing.T) {
	err := getRun(t, status.Error(codes.PermissionDenied, "not you"))

	if err.Error() != "dalsegno: PERMISSION_DENIED: not you" {
		t.Errorf("got %v", err)
	}
	if errors.Is(err, dalsegno.Reason("")) == (err == nil) {
		t.Error("a failure without reason should have the empty one")
	}
}

// TestEveryReasonOfTheProtosHasAName reads the constants out of the source: a program cannot list
// its own.
func TestEveryReasonOfTheProtosHasAName(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, isValue := node.(*ast.ValueSpec); isValue {
			text, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			name := strings.ReplaceAll(text, "_", "")
			if !strings.EqualFold(spec.Names[0].Name, "Reason"+name) {
				t.Errorf("%s is %s", spec.Names[0].Name, text)
			}
			named[text] = true
		}
		return true
	})
	for name := range pb.ErrorReason_value {
		name = strings.TrimPrefix(name, "ERROR_REASON_")
		if name != "UNSPECIFIED" && !named[name] {
			t.Errorf("%s has no constant", name)
		}
	}
}
