package dalsegno_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

func TestAStreamGoesOnAfterTheLastEvent(t *testing.T) {
	for name, failure := range map[string]error{
		"when the server is unavailable":     unavailable,
		"when something else canceled it":    status.Error(codes.Canceled, "not asked for"),
		"when the server is about to stop":   refusal(codes.Unavailable, reason("SHUTTING_DOWN")),
		"when its database does not respond": refusal(codes.Unavailable, reason("STORE_UNAVAILABLE")),
	} {
		t.Run(name, func(t *testing.T) {
			host := serve(t, &fake{watch: breaking(failure, 1, 4, 5, 8)})
			client := dial(t, host.address)

			wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 9)
		})
	}
}

func TestAStreamOutlivesAServerThatIsKilled(t *testing.T) {
	all := history(9)
	host := serve(t, &fake{})
	host.fake.watch = func(request *pb.WatchRunRequest, call call) error {
		if request.GetAfterSequence() > 0 {
			return call.tell(all[request.GetAfterSequence():]...)
		}
		if err := call.tell(all[:4]...); err != nil {
			return err
		}
		<-call.ctx.Done()
		return nil
	}
	client := dial(t, host.address)

	var got []int64
	for event, err := range client.WatchRun(t.Context(), watchOne) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, event.Sequence)
		if event.Sequence == 4 {
			host.kill()
			time.AfterFunc(50*time.Millisecond, host.start)
		}
	}
	if want := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAConnectionThatIsRotatedLosesNothing(t *testing.T) {
	// The goal: a server may end connections that are old. The method: one that ends them sooner
	// than the run tells anything, so that the stream needs two.
	all := history(2)
	var connections atomic.Int32
	host := serve(t, &fake{watch: func(request *pb.WatchRunRequest, call call) error {
		connections.Add(1)
		if err := call.tell(all[request.GetAfterSequence()]); err != nil {
			return err
		}
		if request.GetAfterSequence() == 1 {
			return nil
		}
		<-call.ctx.Done()
		return call.ctx.Err()
	}}, grpc.KeepaliveParams(keepalive.ServerParameters{
		MaxConnectionAge: 20 * time.Millisecond, MaxConnectionAgeGrace: 10 * time.Millisecond,
	}))
	client := dial(t, host.address)

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 2)
	if connections.Load() != 2 {
		t.Errorf("got %d calls, want one for each event", connections.Load())
	}
}

func TestAConnectionCutInTheMiddleOfAMessageIsReplaced(t *testing.T) {
	big := output(2)
	big.Body = &pb.RunEvent_StepOutput{StepOutput: &pb.StepOutput{
		Data: exact(`"` + string(slices.Repeat([]byte("x"), 40_000)) + `"`),
	}}
	all := history(3)
	all[1] = big
	host := serve(t, &fake{watch: func(request *pb.WatchRunRequest, call call) error {
		return call.tell(all[request.GetAfterSequence():]...)
	}})
	client := dial(t, cutOnce(t, host.address, 20_000))

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 3)
}

// cutOnce gives an address from which everything goes on to another one. The first connection ends
// when so many bytes have come back.
func cutOnce(t *testing.T, address string, bytes int64) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for limit := bytes; ; limit = 1 << 40 {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			go io.Copy(server, client)
			go func() {
				io.CopyN(client, server, limit)
				client.Close()
				server.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func TestAStreamThatAProxyEndsIsReplaced(t *testing.T) {
	// The goal: for a server that died, nginx and others answer with RST_STREAM. The method: a
	// handler that aborts does the same.
	all := history(3)
	first, err := proto.Marshal(&pb.WatchRunResponse{Event: all[0]})
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterRunServiceServer(server, &fake{
		watch: func(request *pb.WatchRunRequest, call call) error {
			return call.tell(all[request.GetAfterSequence():]...)
		},
	})
	var calls atomic.Int32
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(
		func(answer http.ResponseWriter, request *http.Request) {
			if calls.Add(1) > 1 {
				server.ServeHTTP(answer, request)
				return
			}
			answer.Header().Set("content-type", "application/grpc")
			answer.Write(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(first))))
			answer.Write(first)
			answer.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}))
	proxy.Config.Protocols = new(http.Protocols)
	proxy.Config.Protocols.SetUnencryptedHTTP2(true)
	proxy.Start()
	t.Cleanup(proxy.Close)
	client := dial(t, proxy.Listener.Addr().String())

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 3)
	if calls.Load() != 2 {
		t.Errorf("got %d calls, want 2", calls.Load())
	}
}

// ended is told when a connection ends.
type ended chan struct{}

func TestASilentStreamIsReplacedOnAnotherConnection(t *testing.T) {
	all := history(3)
	ended := make(ended, 9)
	var peers []string
	host := serve(t, &fake{watch: func(request *pb.WatchRunRequest, call call) error {
		from, _ := peer.FromContext(call.ctx)
		peers = append(peers, from.Addr.String())
		if request.GetAfterSequence() > 0 {
			return call.tell(all[request.GetAfterSequence():]...)
		}
		if err := call.tell(all[0]); err != nil {
			return err
		}
		<-call.ctx.Done()
		return nil
	}}, grpc.StatsHandler(ended))
	patience := quick
	patience.Silence = 50 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 3)
	<-ended // the silent one, while the client is open
	if len(peers) != 2 || peers[0] == peers[1] {
		t.Errorf("the calls came from %v, want two connections", peers)
	}
}

func TestClosingTheClientEndsStreamsOnConnectionsThatWereDropped(t *testing.T) {
	// The goal: no stream outlives its client. The method: one stream falls silent, so that its
	// connection is dropped, while another on the same one is kept alive.
	heartbeat := &pb.RunEvent{Body: &pb.RunEvent_Heartbeat{Heartbeat: &pb.Heartbeat{}}}
	var isReplaced atomic.Bool
	host := serve(t, &fake{watch: func(request *pb.WatchRunRequest, call call) error {
		switch {
		case request.GetRunId() == "alive":
			for call.tell(heartbeat) == nil {
				time.Sleep(10 * time.Millisecond) // the pace of what is told
			}
		case !isReplaced.Swap(true):
			<-call.ctx.Done()
		default:
			return call.tell(history(2)...)
		}
		return nil
	}})
	patience := quick
	patience.Silence = 200 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))

	alive := make(chan error)
	go func() {
		_, err := sequences(client.WatchRun(t.Context(), dalsegno.WatchRunRequest{RunID: "alive"}))
		alive <- err
	}()
	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 2)
	client.Close()

	if err := <-alive; !errors.Is(err, dalsegno.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAReaderWhoTakesLongIsNotSilent(t *testing.T) {
	var calls atomic.Int32
	read := make(chan struct{})
	host := serve(t, &fake{watch: func(_ *pb.WatchRunRequest, call call) error {
		calls.Add(1)
		if err := call.tell(output(1)); err != nil {
			return err
		}
		<-read
		return call.tell(history(3)[1:]...)
	}})
	patience := quick
	patience.Silence = 50 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))

	for event, err := range client.WatchRun(t.Context(), watchOne) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Sequence == 1 {
			time.Sleep(3 * patience.Silence) // the reader's work, not a wait for anything
			close(read)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("got %d calls, want 1", calls.Load())
	}
}

func TestAStreamGivesUpWhenPatienceHasEnded(t *testing.T) {
	host := serve(t, &fake{watch: breaking(unavailable, 2)})
	patience := quick
	patience.GiveUp = 100 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))

	got := 0
	var last error
	var killed time.Time
	for _, err := range client.WatchRun(t.Context(), watchOne) {
		if last = err; err == nil {
			got++
			if got == 2 {
				host.kill()
				killed = time.Now()
			}
		}
	}

	if status.Code(last) != codes.Unavailable || got != 2 {
		t.Errorf("got %d events, %v", got, last)
	}
	if waited := time.Since(killed); waited > quick.Connect/2 {
		t.Errorf("waited %v, want about %v", waited, patience.GiveUp)
	}
}

func TestPatienceBeginsAnewWithEachEvent(t *testing.T) {
	delay := &errdetails.RetryInfo{RetryDelay: durationpb.New(50 * time.Millisecond)}
	failure := refusal(codes.Unavailable, delay)
	host := serve(t, &fake{
		watch: breaking(failure, 1, 2, 3, 4, 5, 6, 7, 8),
		getRun: func(context.Context, *pb.GetRunRequest) (*pb.Run, error) {
			return &pb.Run{}, nil
		},
	})
	patience := quick
	patience.GiveUp = 200 * time.Millisecond
	client := dial(t, host.address, dalsegno.WithPatience(patience))
	if _, err := client.GetRun(t.Context(), "r-1"); err != nil {
		t.Fatal(err) // from now on the server is known, and GiveUp is what counts
	}

	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 9)
}
