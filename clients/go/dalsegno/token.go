package dalsegno

import "context"

// A bearer is a token as gRPC asks for it.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity does not: Dial has decided already, and knows loopback from the rest.
func (b bearer) RequireTransportSecurity() bool { return false }
