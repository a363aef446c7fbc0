package dalsegno

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// ErrPlaintextToken is returned by [Dial] for a token that would leave this machine without TLS.
var ErrPlaintextToken = errors.New("dalsegno: a token is not sent to another machine without TLS")

// An Option of [Dial].
type Option func(*settings)

type settings struct {
	tls                 *tls.Config
	token               string
	allowPlaintextToken bool
	timeout             time.Duration
	patience            Patience
	dialOptions         []grpc.DialOption
}

func defaults() settings {
	return settings{timeout: 30 * time.Second}
}

// WithTLS encrypts the connection. nil trusts what the system trusts.
func WithTLS(config *tls.Config) Option {
	if config == nil {
		config = &tls.Config{}
	}
	return func(s *settings) { s.tls = config }
}

// WithToken sends a bearer token with every call. Without TLS, [Dial] refuses it with
// [ErrPlaintextToken] unless the target is on this machine.
func WithToken(token string) Option {
	return func(s *settings) { s.token = token }
}

// AllowPlaintextToken sends the token to another machine without TLS, too: everybody on the way can
// read it.
func AllowPlaintextToken() Option {
	return func(s *settings) { s.allowPlaintextToken = true }
}

// WithTimeout bounds calls that need not wait for a run, with all repetitions. Default: 30 s; 0: they
// take as long as their contexts allow.
func WithTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.timeout = timeout }
}

// WithPatience sets how long a lost server is waited for.
func WithPatience(patience Patience) Option {
	return func(s *settings) { s.patience = patience }
}

// WithDialOptions adds options of gRPC, such as interceptors; they come after ours.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dialOptions = append(s.dialOptions, options...) }
}

func (s settings) grpc(target string) ([]grpc.DialOption, error) {
	transport := insecure.NewCredentials()
	if s.tls != nil {
		transport = credentials.NewTLS(s.tls)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		// A peer that vanished is noticed within 40 s. Servers allow a ping every 10 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 30 * time.Second, Timeout: 10 * time.Second,
		}),
		// gRPC's own waits between tries to connect; its default goes up to 2 min, ours end sooner.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: grpcbackoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2,
				MaxDelay: 2 * time.Second,
			},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	if s.token != "" {
		if s.tls == nil && !s.allowPlaintextToken && !isLoopback(target) {
			return nil, ErrPlaintextToken
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer(s.token)))
	}
	return append(options, s.dialOptions...), nil
}

// isLoopback tells whether what is sent to a target stays on this machine. In doubt it does not.
func isLoopback(target string) bool {
	if strings.HasPrefix(target, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = target
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
