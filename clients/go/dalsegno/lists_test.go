package dalsegno_test

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

// paged answers three pages of two runs, and remembers what was asked for.
func paged(asked *[]string) *fake {
	answer := func(_ context.Context, request *pb.ListRunsRequest) (*pb.ListRunsResponse, error) {
		*asked = append(*asked, request.GetPageToken())
		page, _ := strconv.Atoi(request.GetPageToken())
		next := strconv.Itoa(page + 1)
		if page == 2 {
			next = ""
		}
		return &pb.ListRunsResponse{
			Runs: []*pb.Run{
				{RunId: "r-" + strconv.Itoa(2*page)}, {RunId: "r-" + strconv.Itoa(2*page+1)},
			},
			NextPageToken: next,
		}, nil
	}
	return &fake{listRuns: answer}
}

func TestAListHasTheItemsOfAllPages(t *testing.T) {
	var asked, got []string
	client := dial(t, serve(t, paged(&asked)).address)

	for run, err := range client.ListRuns(t.Context(), dalsegno.ListRunsRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, run.RunID)
	}

	if want := []string{"r-0", "r-1", "r-2", "r-3", "r-4", "r-5"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []string{"", "1", "2"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func TestPagesAreAskedForAsTheLoopGetsToThem(t *testing.T) {
	var asked []string
	client := dial(t, serve(t, paged(&asked)).address)

	for run := range client.ListRuns(t.Context(), dalsegno.ListRunsRequest{}) {
		if run.RunID == "r-2" {
			break
		}
	}

	if want := []string{"", "1"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func TestAnErrorEndsAList(t *testing.T) {
	refuse := func(context.Context, *pb.ListRunsRequest) (*pb.ListRunsResponse, error) {
		return nil, status.Error(codes.PermissionDenied, "not you")
	}
	client := dial(t, serve(t, &fake{listRuns: refuse}).address)

	loops := 0
	for run, err := range client.ListRuns(t.Context(), dalsegno.ListRunsRequest{}) {
		loops++
		if run != nil || status.Code(err) != codes.PermissionDenied {
			t.Errorf("got %v, %v", run, err)
		}
	}

	if loops != 1 {
		t.Errorf("the loop went round %d times", loops)
	}
}
