package dalsegno_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
	pb "github.com/dalsegno/dalsegno/clients/go/gen/dalsegno/v1"
)

func TestATokenLeavesThisMachineOnlyEncrypted(t *testing.T) {
	token := dalsegno.WithToken("secret")
	for target, options := range map[string][]dalsegno.Option{
		"127.0.0.1:7070":       {token},
		"127.9.9.9:7070":       {token},
		"[::1]:7070":           {token},
		"localhost:7070":       {token},
		"unix:/run/dalsegno":   {token},
		"":                     {token},
		"tls.example:7070":     {token, dalsegno.WithTLS(nil)},
		"trusted.example:7070": {token, dalsegno.AllowPlaintextToken()},
		"open.example:7070":    nil,
	} {
		client, err := dalsegno.Dial(target, options...)
		if err != nil {
			t.Errorf("%s: got %v", target, err)
			continue
		}
		client.Close()
	}
	for _, target := range []string{
		"10.0.0.1:7070", "example.com:7070", "localhost.example.com:7070", "0.0.0.0:7070",
		"dns:///127.0.0.1.example.com:7070", "127.0.0.1.example.com:7070",
	} {
		_, err := dalsegno.Dial(target, token)
		if !errors.Is(err, dalsegno.ErrPlaintextToken) {
			t.Errorf("%s: got %v", target, err)
		}
	}
}

// withToken answers calls and streams that have it.
func withToken(token string) *fake {
	check := func(ctx context.Context) error {
		given, _ := metadata.FromIncomingContext(ctx)
		if !slices.Equal(given.Get("authorization"), []string{"Bearer " + token}) {
			return errors.New("no token")
		}
		return nil
	}
	return &fake{
		getRun: func(ctx context.Context, _ *pb.GetRunRequest) (*pb.Run, error) {
			return &pb.Run{RunId: "r-1"}, check(ctx)
		},
		watch: func(_ *pb.WatchRunRequest, call call) error {
			if err := check(call.ctx); err != nil {
				return err
			}
			return call.tell(history(3)...)
		},
	}
}

func TestATokenIsSentWithCallsAndStreams(t *testing.T) {
	client := dial(t, serve(t, withToken("secret")).address, dalsegno.WithToken("secret"))

	if _, err := client.GetRun(t.Context(), "r-1"); err != nil {
		t.Error(err)
	}
	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 3)
}

func TestACertificateIsChecked(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())
	own := credentials.NewTLS(&tls.Config{Certificates: web.TLS.Certificates})
	host := serve(t, withToken("secret"), grpc.Creds(own))
	token := dalsegno.WithToken("secret")

	client := dial(t, host.address, token, dalsegno.WithTLS(&tls.Config{RootCAs: trusted}))
	if _, err := client.GetRun(t.Context(), "r-1"); err != nil {
		t.Error(err)
	}
	wantSequences(t, client.WatchRun(t.Context(), watchOne), 1, 3)

	patience := dalsegno.WithPatience(dalsegno.Patience{Connect: -1})
	stranger := dial(t, host.address, token, patience, dalsegno.WithTLS(nil))
	if _, err := stranger.GetRun(t.Context(), "r-1"); err == nil {
		t.Error("a server that nobody vouches for was trusted")
	}
}
